/* SPDX-License-Identifier: Apache-2.0
 * Addresses, read by libcurl's own parser, so that what is checked is what will be asked.
 * A URL is asked when it is https, or http to a name or number that can only be this machine;
 * whether the address behind the name is one is seen again when the connection is made.
 * Read next: remote/http.h, the contract; remote/http.c. */
#include "remote/http_int.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

/* A part of the URL into a buffer; "" where the URL has none. False: it does not fit. */
static bool url_part(CURLU *handle, CURLUPart what, char *out, size_t capacity) {
    char *text = NULL;
    out[0] = '\0';
    CURLUcode code = curl_url_get(handle, what, &text, CURLU_DEFAULT_PORT);
    if (code != CURLUE_OK) return code != CURLUE_OUT_OF_MEMORY;
    size_t n = strlen(text);
    if (n < capacity) memcpy(out, text, n + 1);
    curl_free(text);
    return n < capacity;
}

static bool is_loopback(const char *host) {
    struct in_addr four;
    struct in6_addr six;
    char bare[INET6_ADDRSTRLEN] = "";
    if (strcasecmp(host, "localhost") == 0) return true;
    size_t n = strlen(host);
    if (n > 10 && strcasecmp(host + n - 10, ".localhost") == 0) return true;
    if (inet_pton(AF_INET, host, &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
    if (host[0] != '[' || n < 3 || n - 2 >= sizeof bare) return false;
    memcpy(bare, host + 1, n - 2);
    return inet_pton(AF_INET6, bare, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

err url_read(const char *url, struct url_parts *out) {
    char user[8], password[8];
    CURLU *handle = curl_url();
    *out = (struct url_parts){0};
    if (!handle) return fail(ERR_MEMORY, "out of memory for a URL");
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, 0);
    err e = ERR_OK;
    if (code != CURLUE_OK)
        e = fail(ERR_RANGE, "'%s' is not a URL: %s", url, curl_url_strerror(code));
    else if (!url_part(handle, CURLUPART_USER, user, sizeof user) || user[0] ||
             !url_part(handle, CURLUPART_PASSWORD, password, sizeof password) || password[0])
        e = fail(ERR_RANGE, "a URL with a user name or password in it is not asked");
    else if (!url_part(handle, CURLUPART_SCHEME, out->scheme, sizeof out->scheme) ||
             !url_part(handle, CURLUPART_HOST, out->host, sizeof out->host) ||
             !url_part(handle, CURLUPART_PORT, out->port, sizeof out->port))
        e = fail(ERR_RANGE, "'%s' is not a URL that can be asked", url);
    curl_url_cleanup(handle);
    if (e == ERR_OK) out->loopback = is_loopback(out->host);
    out->plain = strcmp(out->scheme, "http") == 0;
    return e;
}

err url_check(const char *url, struct url_parts *out) {
    TRY(url_read(url, out));
    if (strcmp(out->scheme, "https") == 0 || (out->plain && out->loopback)) return ERR_OK;
    err e = fail(ERR_RANGE, "'%s://%s' is not asked", out->scheme, out->host);
    return fail_hint(e, "https is spoken, and plain http with this machine alone");
}

err http_url_check(const char *url) {
    struct url_parts parts;
    return url_check(url, &parts);
}

bool http_same_host(const char *a, const char *b) {
    struct url_parts left, right;
    if (url_read(a, &left) != ERR_OK || url_read(b, &right) != ERR_OK) return false;
    return strcmp(left.scheme, right.scheme) == 0 && strcasecmp(left.host, right.host) == 0 &&
           strcmp(left.port, right.port) == 0;
}

err http_url_join(const char *base, const char *reference, struct str *out) {
    char *text = NULL;
    CURLU *handle = curl_url();
    str_clear(out);
    if (!handle) return fail(ERR_MEMORY, "out of memory for a URL");
    CURLUcode code = curl_url_set(handle, CURLUPART_URL, base, 0);
    if (code == CURLUE_OK) code = curl_url_set(handle, CURLUPART_URL, reference, 0);
    if (code == CURLUE_OK) code = curl_url_get(handle, CURLUPART_URL, &text, 0);
    curl_url_cleanup(handle);
    if (code != CURLUE_OK)
        return fail(ERR_PARSE, "'%.200s' is not a URL: %s", reference, curl_url_strerror(code));
    err e = str_add(out, text);
    curl_free(text);
    return e;
}

err http_url_escape(const char *text, struct str *out) {
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++)
        TRY(strchr(plain, *text) ? str_append(out, text, 1)
                                 : str_printf(out, "%%%02X", (unsigned char)*text));
    return ERR_OK;
}
