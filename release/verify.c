/* SPDX-License-Identifier: Apache-2.0
 * Verification (release/verify.h), from bytes to meaning: the seal first, then what the files say
 * of each other, then who signed it. The first fault ends it; without one, what was proved and what
 * was not stands in the findings.
 * Read next: release/seal.c, release/agree.c, release/signing.c. */
#include "release/verify.h"
#include "base/mem.h"
#include "release/agree.h"
#include "release/manifest.h"
#include "release/parity.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct verifying {
    const struct release_verify *asked;
    struct release_facts *facts;
    struct seal seal;
    struct str statement, version; /* the provenance statement's text, and its maker's version */
    struct signature_verdicts signatures;
};

enum proof { OPEN, PROVED };

static err PRINTF_LIKE(4, 5)
    found(struct verifying *v, const char *check, enum proof proof, const char *format, ...) {
    struct str says = {0};
    va_list args;
    va_start(args, format);
    err result = str_vprintf(&says, format, args);
    va_end(args);
    if (result == ERR_OK)
        result = json_push(v->facts->findings,
                           json_pack("{s:s, s:b, s:s}", "check", check, "proved",
                                     (int)(proof == PROVED), "says", str_text(&says)));
    str_release(&says);
    return result;
}

/* What the files say was right byte for byte when it was packed, so whatever is wrong with it now
 * is a verdict on the release, not a failure of this program. */
static err as_verdict(err result) {
    if (result == ERR_OK || result == ERR_MEMORY || result == ERR_IO) return result;
    return ERR_GATE;
}

static err check_bytes(struct verifying *v) {
    const struct release_verify *asked = v->asked;
    TRY(seal_check(&v->seal, asked->dir));
    v->facts->n_files = v->seal.n_lines + 2; /* SHA256SUMS and RELEASE do not list themselves */
    v->facts->bytes = v->seal.bytes;
    memcpy(v->facts->hash, v->seal.release, sizeof v->facts->hash);
    TRY(found(v, "bytes", PROVED, "every byte is as manifest.json, SHA256SUMS and RELEASE say"));
    for (int i = 0; i < SEAL_HUB_FILES; i++)
        if (v->seal.added[i])
            TRY(found(v, seal_hub_files[i], OPEN,
                      "%s is not the release's: a hub may have added it", seal_hub_files[i]));
    if (asked->hash == NULL) return ERR_OK;
    if (strcasecmp(asked->hash, v->seal.release) != 0)
        return fail(ERR_GATE, "its hash is %s, not %s", v->seal.release, asked->hash);
    return found(v, "published hash", PROVED,
                 "it is the release that was published under its hash");
}

static err check_meaning(struct verifying *v) {
    const char *dir = v->asked->dir;
    const json_t *manifest = v->facts->manifest;
    bool whole = false;
    int64_t steps = 0, unknown = 0, gates = 0;
    TRY(agree_list(manifest, &v->seal));
    TRY(agree_recipe(dir));
    TRY(agree_chain(manifest, &v->seal, dir));
    TRY(agree_sources(&v->seal, dir));
    TRY(agree_statement(manifest, v->seal.release, dir, &v->statement, &v->version));
    TRY(found(v, "chain", PROVED,
              "%zu requests, rows, shards, recipe, base and weights are bound by their digests",
              json_array_size(json_object_get(manifest, "requests"))));
    TRY(agree_steps(manifest, dir, &steps));
    TRY(found(v, "steps", PROVED, "the records of %lld training steps are one chain, up to its end",
              (long long)steps));
    TRY(agree_card(manifest, dir, &whole));
    TRY(found(v, "card", PROVED,
              whole ? "the card says what the manifest and both evaluations give, word for word"
                    : "the card's table and model-index are those of both evaluations"));
    TRY(agree_data_card(manifest, dir, whole, &unknown));
    TRY(found(v, "licences", PROVED,
              "the ledger gives a licence for every row of the training data"));
    if (unknown > 0)
        TRY(found(v, "unknown licences", OPEN,
                  "which licence %lld rows have: the ledger says that nobody knows",
                  (long long)unknown));
    if (!whole)
        TRY(found(v, "card's words", OPEN, "the card's other words: another version wrote them"));
    TRY(agree_gates(dir, &gates));
    if (gates > 0)
        TRY(found(v, "gates", PROVED,
                  gates == 1 ? "the gate of the recipe holds, by both evaluations"
                             : "all %lld gates of the recipe hold, by both evaluations",
                  (long long)gates));
    TRY(agree_tensors(manifest, &v->seal, dir));
    TRY(agree_changelog(manifest, dir, whole));
    return found(v, "tensors", PROVED, "every tensor fits config.json");
}

static err check_golden(struct verifying *v) {
    int64_t n = 0, n_formats = 0;
    if (!v->asked->golden)
        return found(v, "golden", OPEN,
                     "that the model gives its golden answers: --golden asks it");
    TRY(release_parity_check(v->asked->dir, v->facts->manifest, &n, &n_formats));
    TRY(found(v, "golden", PROVED, "asked %lld golden prompts, the model answers to the bit",
              (long long)n));
    if (n_formats == 0) return ERR_OK;
    return found(v, "formats", PROVED,
                 "%lld other formats answer them within the bounds of their rounding",
                 (long long)n_formats);
}

static err tell_signature(struct verifying *v, const char *file, const char *what,
                          const struct signature_verdict *s) {
    const char *who = str_text(&s->who);
    if (s->state == SIGNATURE_NONE) return ERR_OK;
    v->facts->has_signatures = true;
    if (s->state == SIGNATURE_GOOD) {
        v->facts->is_signed = true;
        return found(v, file, PROVED, "%s is signed by %s", what, who);
    }
    if (strcmp(file, SEAL_SUMS_SIGNATURE) == 0)
        return found(v, file, OPEN, "who signed %s: %s (--signers FILE tells whose it is)", what,
                     who);
    return found(v, file, OPEN, "that %s is signed by %s (--key FILE checks it)", what, who);
}

static err check_signatures(struct verifying *v) {
    if (v->asked->no_signatures) return ERR_OK;
    err result =
        release_judge(v->asked->dir, &v->seal, &v->statement, &v->asked->trust, &v->signatures);
    TRY(result);
    TRY(tell_signature(v, SEAL_SUMS_SIGNATURE, "SHA256SUMS", &v->signatures.sums));
    TRY(tell_signature(v, SEAL_MODEL_SIGNATURE, "the model", &v->signatures.model));
    TRY(tell_signature(v, SEAL_PROVENANCE, "the provenance", &v->signatures.provenance));
    if (v->facts->has_signatures) return ERR_OK;
    return found(v, "signatures", OPEN, "who made it: it is unsigned");
}

static err tell_the_rest(struct verifying *v) {
    if (v->asked->hash == NULL)
        TRY(found(v, "published hash", OPEN,
                  "that it is the release that was published: --hash HEX compares"));
    return found(v, "reproduction", OPEN,
                 "that this recipe gives these weights: cotrain release reproduce trains again");
}

static err verify(struct verifying *v) {
    v->facts->findings = json_array();
    if (v->facts->findings == NULL) return fail(ERR_MEMORY, "out of memory for the findings");
    err result = check_bytes(v);
    TRY(result == ERR_LIMIT ? ERR_GATE : result);
    TRY(as_verdict(manifest_read(v->asked->dir, &v->facts->manifest)));
    TRY(as_verdict(check_meaning(v)));
    TRY(as_verdict(check_golden(v)));
    TRY(check_signatures(v));
    return tell_the_rest(v);
}

static err check_asked(const struct release_verify *asked) {
    const size_t digits = SHA256_HEX_SIZE - 1;
    if (asked->hash == NULL ||
        (strlen(asked->hash) == digits && strspn(asked->hash, "0123456789abcdefABCDEF") == digits))
        return ERR_OK;
    return fail_hint(
        fail(ERR_USAGE, "'%s' is no release hash: it has %zu digits 0-9, a-f", asked->hash, digits),
        "it is the SHA-256 of manifest.json");
}

err release_verify(const struct release_verify *asked, struct release_facts *out) {
    *out = (struct release_facts){0};
    TRY(check_asked(asked));
    struct verifying v = {.asked = asked, .facts = out};
    err result = verify(&v);
    if (result != ERR_OK) {
        release_facts_clear(out);
        result = fail_in(result, "release '%s'", asked->dir);
    }
    signature_verdicts_clear(&v.signatures);
    str_release(&v.statement);
    str_release(&v.version);
    seal_clear(&v.seal);
    return result;
}

void release_facts_clear(struct release_facts *f) {
    json_decref(f->manifest);
    json_decref(f->findings);
    *f = (struct release_facts){0};
}

static err add_findings(const struct release_facts *f, bool wanted, const char *label,
                        struct str *out) {
    json_t *one = NULL;
    size_t i = 0;
    json_array_foreach(f->findings, i, one) {
        if (json_is_true(json_object_get(one, "proved")) != wanted) continue;
        TRY(str_printf(out, "%-11s %s\n", label, json_text_of(one, "says")));
    }
    return ERR_OK;
}

err release_facts_text(const struct release_facts *f, struct str *out) {
    TRY(str_printf(out, "release %s\n%lld files, %lld bytes: nothing has been changed\n", f->hash,
                   (long long)f->n_files, (long long)f->bytes));
    TRY(add_findings(f, true, "proved", out));
    return add_findings(f, false, "not proved", out);
}
