/* SPDX-License-Identifier: Apache-2.0
 * SSH signatures through ssh-keygen -Y (release/ssh.h). It reads the text from its standard input
 * and writes the signature to its standard output, so nothing of it touches the release folder.
 * Read next: base/program.h. */
#include "release/ssh.h"
#include "base/file.h"
#include "base/program.h"
#include "base/sign.h"
#include <string.h>

static err run(struct program *p, const char *const *words, const struct str *text) {
    *p = (struct program){.words = words,
                          .input = text != NULL ? str_text(text) : NULL,
                          .n_input = text != NULL ? text->len : 0};
    err result = program_run(p);
    if (result != ERR_MISSING) return result;
    fail(ERR_MISSING, "there is no program 'ssh-keygen'");
    return fail_hint(ERR_MISSING, "it comes with OpenSSH (Debian: openssh-client)");
}

/* The program's own words behind ours. */
static err refused(const struct program *p, err code, const char *what) {
    struct str said = {0};
    err result = program_complaint(p, &said);
    if (result == ERR_OK)
        result = said.len > 0 ? fail(code, "%s: ssh-keygen: %s", what, str_text(&said))
                              : fail(code, "%s", what);
    str_release(&said);
    return result;
}

static bool is_private(const char *key) {
    return !str_ends(key, ".pub");
}

/* Of a public key the private half may lie beside it, where ssh-keygen looks first. */
err ssh_key_check(const char *key) {
    struct str beside = {0};
    if (!file_exists(key)) return fail(ERR_MISSING, "there is no key '%s'", key);
    if (is_private(key)) return sign_key_check_rights(key);
    err result = str_append(&beside, key, strlen(key) - strlen(".pub"));
    if (result == ERR_OK && file_exists(str_text(&beside)))
        result = sign_key_check_rights(str_text(&beside));
    str_release(&beside);
    return result;
}

err ssh_sign(const char *key, const char *name_space, const struct str *text, struct str *out) {
    const char *const words[] = {"ssh-keygen", "-Y", "sign", "-n", name_space, "-f", key, NULL};
    struct program p;
    struct str what = {0};
    TRY(ssh_key_check(key));
    TRY(run(&p, words, text));
    err result = str_printf(&what, "key '%s' cannot sign", key);
    if (result == ERR_OK &&
        (p.exit_code != 0 || !str_starts(str_text(&p.output), "-----BEGIN SSH")))
        result = refused(&p, ERR_DENIED, str_text(&what));
    if (result == ERR_OK) result = str_append(out, p.output.data, p.output.len);
    str_release(&what);
    program_clear(&p);
    return result;
}

err ssh_key_check_unattended(const char *key) {
    const char *const opened[] = {"ssh-keygen", "-y", "-P", "", "-f", key, NULL};
    const char *const shown[] = {"ssh-keygen", "-l", "-f", key, NULL};
    struct program p;
    struct str what = {0};
    TRY(run(&p, is_private(key) ? opened : shown, NULL));
    err result = str_printf(&what, "key '%s' cannot sign by itself", key);
    if (result == ERR_OK && p.exit_code != 0)
        result = fail_hint(refused(&p, ERR_DENIED, str_text(&what)),
                           "a key with a passphrase goes into an agent (ssh-add): name its .pub");
    str_release(&what);
    program_clear(&p);
    return result;
}

/* The first of "a@b,c@d", and of several lines. */
static err find_principal(const char *signature, const char *signers, struct str *out) {
    const char *const words[] = {"ssh-keygen", "-Y", "find-principals", "-s",
                                 signature,    "-f", signers,           NULL};
    struct program p;
    TRY(run(&p, words, NULL));
    err result = ERR_OK;
    size_t n = strcspn(str_text(&p.output), ",\r\n");
    if (p.exit_code != 0 || n == 0)
        result = refused(&p, ERR_GATE, "it was signed by a key that is not among the signers");
    if (result == ERR_OK) result = str_append(out, p.output.data, n);
    program_clear(&p);
    return result;
}

/* "... with ED25519 key SHA256:..." */
static err take_key(const struct program *p, struct str *out) {
    const char *at = strstr(str_text(&p->output), " with ");
    if (at == NULL) return fail(ERR_UNSUPPORTED, "ssh-keygen does not say which key it was");
    at += strlen(" with ");
    return str_append(out, at, strcspn(at, "\r\n"));
}

err ssh_verify(const char *signature, const struct str *text, const char *signers,
               struct ssh_signer *out) {
    struct program p;
    *out = (struct ssh_signer){0};
    if (signers != NULL) {
        if (!file_exists(signers)) return fail(ERR_MISSING, "there is no file '%s'", signers);
        TRY(find_principal(signature, signers, &out->name));
    }
    const char *const known[] = {"ssh-keygen", "-Y", "verify", "-n", SSH_OF_FILE,          "-s",
                                 signature,    "-f", signers,  "-I", str_text(&out->name), NULL};
    const char *const anyone[] = {"ssh-keygen", "-Y", "check-novalidate", "-n",
                                  SSH_OF_FILE,  "-s", signature,          NULL};
    TRY(run(&p, signers != NULL ? known : anyone, text));
    err result = p.exit_code == 0 ? take_key(&p, &out->key)
                                  : refused(&p, ERR_GATE, "it is no signature of this release");
    program_clear(&p);
    return result;
}

void ssh_signer_clear(struct ssh_signer *s) {
    str_release(&s->name);
    str_release(&s->key);
}
