/* SPDX-License-Identifier: GPL-2.0-or-later */
/* table_auth - /auth: the time, credentials. */
#include "control/api/table.h"

extern const struct api_call auth_calls[];
extern const struct api_model auth_models[];
extern const struct api_enum auth_enums[];

const struct api_call auth_calls[] = {
	{"GET", "/auth/time", "Get the current time", "long", API_ANYONE, .answer = API_NUMBER},
	{"POST", "/auth/credential", "Request a new credential for your application",
	 "auth.Credential", API_ANYONE, "credential-request", .answer = API_OBJECT, .from = "",
	 .params = {{"accessRules", "access-rules", "auth.AccessRule[]", API_IN_BODY, true,
		     "Access required for your application"},
		    {"redirection", "redirection", "string", API_IN_BODY, false,
		     "Where to redirect the user after validation"}}},
	{"GET", "/auth/currentCredential", "Get the current credential details", "api.Credential",
	 API_READ, "credential-show", .answer = API_FIRST, .from = "items"},
	{"GET", "/auth/details", "Get details about the current authentication", "auth.Details",
	 API_READ, "credential-show", .answer = API_FIRST, .from = "items"},
	{"POST", "/auth/logout", "Expire the current credential", "void", API_READ,
	 "credential-logout", .answer = API_VOID},
	{0},
};

static const struct api_field access_rule[] = {
	{"method", "auth.MethodEnum", false, "Method that may be called", "method"},
	{"path", "string", false, "Paths that may be called; * stands for any text", "path"},
	{0},
};

static const struct api_field credential[] = {
	{"consumerKey", "string", false, "Consumer key, to be kept secret", NULL},
	{"state", "auth.CredentialStateEnum", false, "State of the credential", NULL},
	{"validationUrl", "string", true, "Where an operator validates it", NULL},
	{0},
};

static const struct api_field api_credential[] = {
	{"allowedIPs", "ipBlock[]", true, "Addresses that it may be used from; null: any", NULL},
	{"applicationId", "long", false, "Its application", NULL},
	{"creation", "datetime", false, "When it was asked for", NULL},
	{"credentialId", "long", false, "Its number", NULL},
	{"expiration", "datetime", true, "When it ends; null: never", NULL},
	{"lastUse", "datetime", true, "When it was last used", NULL},
	{"ovhSupport", "boolean", false, "Always false here", NULL},
	{"rules", "auth.AccessRule[]", false, "What it may call", NULL},
	{"status", "auth.CredentialStateEnum", false, "State of the credential", "state"},
	{0},
};

static const struct api_field details[] = {
	{"account", "string", true, "The application's name", "application"},
	{"allowedRoutes", "auth.AccessRule[]", true, "What the credential may call", "rules"},
	{"description", "string", true, "The application's description", NULL},
	{"method", "string", false, "How the call was authenticated", NULL},
	{"roles", "string[]", true, "read, operate or admin", NULL},
	{"user", "string", true, "Who calls, as in the audit log", "by"},
	{0},
};

const struct api_model auth_models[] = {
	{"auth.AccessRule", "Access rule of a credential", access_rule},
	{"auth.Credential", "Credential request to get access to the API", credential},
	{"api.Credential", "API credential", api_credential},
	{"auth.Details", "Details about the current authentication", details},
	{0},
};

static const char *const states[] = {"expired", "pendingValidation", "refused", "validated", NULL};
static const char *const methods[] = {"DELETE", "GET", "POST", "PUT", NULL};

const struct api_enum auth_enums[] = {
	{"auth.CredentialStateEnum", "State of a credential", states},
	{"auth.MethodEnum", "HTTP methods", methods},
	{0},
};
