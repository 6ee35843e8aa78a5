#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The golden files on the emulated GPU: with fp32 storage and products through the same checker, within the
# same bounds; with bf16 the losses within 0.02 of those that the reference has in bf16.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/cuda.sh"
shared=$COTRAIN_SHARED
[ -d "$shared/golden" ] || skip "no golden files at $shared"

# The checker calls a program; this one adds the device to the commands that have one.
cat >"$scratch/cotrain" <<END
#!/bin/sh
case "\$1 \$2" in
    "model probe" | "generate "*) exec "$COTRAIN" "\$@" --device cuda:f32 ;;
    *) exec "$COTRAIN" "\$@" ;;
esac
END
chmod +x "$scratch/cotrain"
run "$shared/tools/golden_check.py" "$scratch/cotrain" "$shared/golden/nano" "$shared/golden/micro"
cat "$scratch/out"
expect_rc 0
expect_out " 0 failed"
expect_no_out "FAIL"

for model in nano micro; do
    dir=$shared/golden/$model
    isolate=none
    grep -q '"reset_attention_mask": true' "$dir/config.json" && isolate=attention
    run "$COTRAIN" model probe --model "$dir" --batch "$dir/forward.f32.safetensors" --loss-mask all --device cuda \
        --isolate $isolate --out "$scratch/$model.safetensors"
    expect_rc 0
    check "$model: losses in bf16" /usr/bin/python3 - "$dir" "$scratch/$model.safetensors" <<'END'
import json, struct, sys
wanted = json.load(open(sys.argv[1] + "/losses_bf16.json"))
with open(sys.argv[2], "rb") as f:
    header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    begin, end = header["loss"]["data_offsets"]
    f.seek(f.tell() + begin)
    found = struct.unpack("<f", f.read(4))[0]
print(found, wanted)
sys.exit(not abs(found - wanted["loss_mean_bf16_arithmetic"]) <= 0.02)
END
done
finish
