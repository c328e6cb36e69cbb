/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include "control/ctl/log.h"
#include "control/fault.h"
#include "control/keepfile.h"

#define LOCAL_NAME "localhost"

void certificate_free(struct certificate *certificate)
{
	if (certificate->key)
		gnutls_memset(certificate->key, 0, strlen(certificate->key));
	free(certificate->certificate);
	free(certificate->key);
	certificate->certificate = certificate->key = NULL;
}

static char *read_file(const char *path, struct ctl_error *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	char *text = NULL;
	ssize_t got = 0;

	if (fd < 0 || fstat(fd, &status)) {
		fault(error, -errno, "api: %s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode) || status.st_size >= CERTIFICATE_BYTES_MAX) {
		fault(error, -EINVAL, "api: %s: expected a regular file of less than %u bytes",
		      path, CERTIFICATE_BYTES_MAX);
	} else {
		text = calloc(1, CERTIFICATE_BYTES_MAX);
		got = text ? read(fd, text, CERTIFICATE_BYTES_MAX - 1) : -1;
		if (got < 0) {
			fault(error, -errno, "api: %s: %s", path, strerror(errno));
			free(text);
			text = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return text;
}

/* Return: false with @error set if the two are of no use together. */
static bool belong_together(const struct certificate *certificate, const char *path,
			    struct ctl_error *error)
{
	const gnutls_datum_t cert = {(unsigned char *)certificate->certificate,
				     (unsigned)strlen(certificate->certificate)};
	const gnutls_datum_t key = {(unsigned char *)certificate->key,
				    (unsigned)strlen(certificate->key)};
	gnutls_certificate_credentials_t credentials;
	int code;

	if (gnutls_certificate_allocate_credentials(&credentials)) {
		fault(error, -ENOMEM, "api: out of memory");
		return false;
	}
	code = gnutls_certificate_set_x509_key_mem2(credentials, &cert, &key, GNUTLS_X509_FMT_PEM,
						    NULL, 0);
	gnutls_certificate_free_credentials(credentials);
	if (code >= 0)
		return true;
	fault(error, -EINVAL, "api: certificate %s: %s", path, gnutls_strerror(code));
	return false;
}

static int read_pair(struct certificate *certificate, const char *certificate_path,
		     const char *key_path, struct ctl_error *error)
{
	snprintf(certificate->path, sizeof(certificate->path), "%s", certificate_path);
	certificate->certificate = read_file(certificate_path, error);
	certificate->key = certificate->certificate ? read_file(key_path, error) : NULL;
	if (certificate->key && belong_together(certificate, certificate_path, error))
		return 0;
	certificate_free(certificate);
	return -EINVAL;
}

static gnutls_x509_crt_t import(const char *pem)
{
	const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)strlen(pem)};
	gnutls_x509_crt_t crt;

	if (gnutls_x509_crt_init(&crt))
		return NULL;
	if (!gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM))
		return crt;
	gnutls_x509_crt_deinit(crt);
	return NULL;
}

void certificate_fingerprint(const char *pem, char text[CERTIFICATE_FINGERPRINT_BYTES])
{
	gnutls_x509_crt_t crt = import(pem);
	uint8_t hash[32];
	size_t bytes = sizeof(hash);

	text[0] = '\0';
	if (!crt)
		return;
	if (!gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &bytes))
		for (size_t i = 0; i < bytes; i++)
			sprintf(text + 3 * i, "%02X%s", hash[i], i + 1 < bytes ? ":" : "");
	gnutls_x509_crt_deinit(crt);
}

static bool has_address(gnutls_x509_crt_t crt, be32 addr)
{
	char text[ADDR_TEXT_BYTES];

	return gnutls_x509_crt_check_hostname(crt, addr_text(addr, text));
}

/* Clients have nothing to call it by but the gateway's addresses. */
static bool by_addresses(const struct config_api *api)
{
	return !*api->host_name && !api->addr;
}

/* How many of the gateway's addresses are in it. */
static size_t count_addresses(gnutls_x509_crt_t crt, const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->n_addresses; i++)
		n += has_address(crt, config->addresses[i].addr);
	return n;
}

/* Whether one that was made earlier still does. */
static bool still_fits(const char *pem, const struct config_api *api, const struct config *config)
{
	gnutls_x509_crt_t crt = import(pem);
	time_t now = time(NULL);
	bool fits = crt && gnutls_x509_crt_get_expiration_time(crt) > now + CERTIFICATE_RENEW_S &&
		    gnutls_x509_crt_get_activation_time(crt) <= now;

	if (fits && *api->host_name)
		fits = gnutls_x509_crt_check_hostname(crt, api->host_name);
	if (fits && api->addr)
		fits = has_address(crt, api->addr);
	if (fits && by_addresses(api) && config->n_addresses)
		fits = count_addresses(crt, config) > 0;
	if (crt)
		gnutls_x509_crt_deinit(crt);
	return fits;
}

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						    (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
}

static int add_address(gnutls_x509_crt_t crt, be32 addr)
{
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &addr, sizeof(addr),
						    GNUTLS_FSAN_APPEND);
}

static int add_names(gnutls_x509_crt_t crt, const struct config_api *api,
		     const struct config *config)
{
	const char *first = *api->host_name ? api->host_name : LOCAL_NAME;
	int code = gnutls_x509_crt_set_dn_by_oid(
		crt, GNUTLS_OID_X520_COMMON_NAME, 0, first,
		(unsigned)strlen(first) > 64 ? 64 : (unsigned)strlen(first));

	if (!code && *api->host_name)
		code = add_name(crt, api->host_name);
	if (!code)
		code = add_name(crt, LOCAL_NAME);
	if (!code)
		code = add_address(crt, htonl(INADDR_LOOPBACK));
	if (!code && api->addr && api->addr != htonl(INADDR_LOOPBACK))
		code = add_address(crt, api->addr);
	for (size_t i = 0; !code && !api->addr && i < config->n_addresses; i++)
		code = add_address(crt, config->addresses[i].addr);
	return code;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct config_api *api,
		const struct config *config)
{
	uint8_t serial[16];
	time_t now = time(NULL);
	int code = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] &= 0x7f; /* a positive number */
	if (!code)
		code = gnutls_x509_crt_set_version(crt, 3);
	if (!code)
		code = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (!code)
		code = gnutls_x509_crt_set_activation_time(crt, now - 3600);
	if (!code)
		code = gnutls_x509_crt_set_expiration_time(crt, now + CERTIFICATE_VALID_S);
	if (!code)
		code = add_names(crt, api, config);
	/* Clients are told to trust this one certificate, so it is its own authority. */
	if (!code)
		code = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (!code)
		code = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE |
								  GNUTLS_KEY_KEY_CERT_SIGN);
	if (!code)
		code = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (!code)
		code = gnutls_x509_crt_set_key(crt, key);
	if (!code)
		code = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return code;
}

/* The key first: a certificate whose key was lost is made anew, as is one without its key. */
static int write_pair(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
		      const char *certificate_path, const char *key_path, struct ctl_error *error)
{
	gnutls_datum_t crt_pem = {NULL, 0}, key_pem = {NULL, 0};
	int code = 0;

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem) ||
	    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem))
		code = -ENOMEM;
	if (!code)
		code = keepfile_write(key_path, key_pem.data, key_pem.size, 0600);
	if (!code)
		code = keepfile_write(certificate_path, crt_pem.data, crt_pem.size, 0644);
	if (key_pem.data)
		gnutls_memset(key_pem.data, 0, key_pem.size);
	gnutls_free(crt_pem.data);
	gnutls_free(key_pem.data);
	return code ? fault(error, code, "api: %s: %s", certificate_path, strerror(-code)) : 0;
}

static int make(const struct config_api *api, const struct config *config,
		const char *certificate_path, const char *key_path, struct ctl_error *error)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	int code = gnutls_x509_privkey_init(&key);

	if (!code)
		code = gnutls_x509_crt_init(&crt);
	if (!code)
		code = gnutls_x509_privkey_generate(
			key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (!code)
		code = fill(crt, key, api, config);
	if (code)
		code = fault(error, -EIO, "api: no certificate could be made: %s",
			     gnutls_strerror(code));
	else
		code = write_pair(crt, key, certificate_path, key_path, error);
	if (!code)
		ctl_log(TOLD_API, LOG_NOTICE, "api: a new certificate lies in %s",
			certificate_path);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return code;
}

/* The paths of a pair that is made: the one that listeners share, or @api's own. */
struct paths {
	char certificate[PATH_MAX], key[PATH_MAX];
};

static void paths_of(struct paths *paths, const struct config_api *api, const char *state_dir)
{
	char own[CONFIG_TEXT + 1] = "";

	if (api)
		snprintf(own, sizeof(own), "-%s", api->listen);
	for (char *at = own; *at; at++)
		if (*at == ':')
			*at = '-';
	snprintf(paths->certificate, sizeof(paths->certificate), "%s/" CERTIFICATE_NAME "%s.pem",
		 state_dir, own);
	snprintf(paths->key, sizeof(paths->key), "%s/" CERTIFICATE_KEY_NAME "%s.pem", state_dir,
		 own);
}

static bool fits_another(const char *pem, const struct config_api *api, const struct config *config)
{
	for (unsigned i = 0; i < config->n_apis; i++) {
		const struct config_api *other = &config->apis[i];

		if (other->tls && !*other->certificate && strcmp(other->listen, api->listen) != 0 &&
		    still_fits(pem, other, config))
			return true;
	}
	return false;
}

/* @certificate is kept, as clients know it; what they would miss is said. */
static int kept(const struct certificate *certificate, const struct config_api *api,
		const struct config *config)
{
	gnutls_x509_crt_t crt = by_addresses(api) ? import(certificate->certificate) : NULL;
	size_t missing = crt ? config->n_addresses - count_addresses(crt, config) : 0;

	if (missing)
		ctl_log(TOLD_API, LOG_WARNING,
			"api %s: %zu of the gateway's addresses %s not in %s, which stays as "
			"clients "
			"trust it: give the listener a host-name, or remove the file and reload",
			api->listen, missing, missing == 1 ? "is" : "are", certificate->path);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	return 0;
}

int certificate_read(struct certificate *certificate, const struct config_api *api,
		     const struct config *config, const char *state_dir, struct ctl_error *error)
{
	struct paths shared, own;
	const struct paths *paths = &shared;
	struct ctl_error unused;
	int code;

	*certificate = (struct certificate){.path = ""};
	if (*api->certificate)
		return read_pair(certificate, api->certificate, api->key, error);
	paths_of(&own, api, state_dir);
	if (!read_pair(certificate, own.certificate, own.key, &unused) &&
	    still_fits(certificate->certificate, api, config))
		return kept(certificate, api, config);
	certificate_free(certificate);
	paths_of(&shared, NULL, state_dir);
	if (!read_pair(certificate, shared.certificate, shared.key, &unused)) {
		if (still_fits(certificate->certificate, api, config))
			return kept(certificate, api, config);
		if (fits_another(certificate->certificate, api, config))
			paths = &own;
	}
	certificate_free(certificate);
	code = make(api, config, paths->certificate, paths->key, error);
	return code ? code : read_pair(certificate, paths->certificate, paths->key, error);
}
