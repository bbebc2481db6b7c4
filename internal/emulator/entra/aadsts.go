package entra

import "net/http"

// The AADSTS codes this directory answers with.
const (
	codeUnknownInstance    = 50049
	codeBadJWT             = 50027
	codeBlocked            = 53003
	codeUnknownGrant       = 70003
	codeBadScope           = 70011
	codeNotYetFederated    = 70021
	codeIssuerFailed       = 90061
	codeUnknownTenant      = 90002
	codeBadRequest         = 90023
	codeTransient          = 90033
	codeUnknownResource    = 500011
	codeUnknownApplication = 700016
	codeWrongAssertionID   = 700021
	codeWrongAssertionAud  = 700023
	codeAssertionTimes     = 700024
	codeAssertionKey       = 700027
	codeNoSuchIssuer       = 700211
	codeNoSuchAudience     = 700212
	codeNoSuchSubject      = 700213
	codeMissingParameter   = 900144
	codePostOnly           = 900561
	codeResourceInV2       = 901002
	codeScopeNotDefault    = 1002012
	codeSubjectCase        = 7002138
	codeWrongSecret        = 7000215
	codeNoCredential       = 7000218
	codeExpiredSecret      = 7000222
	codeNoPrincipal        = 7000229
)

// row is how a code is told: HTTP status, OAuth error name, sentence, and whether error_uri names a page for it.
type row struct {
	status int
	name   string
	page   bool
	text   string
}

const (
	checkCredential = "Please check your federated identity credential Subject, Audience and Issuer against the " +
		"presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
	assertionDocs = "Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials ."
	perhapsTenant = "This can happen if the application has not been installed by the administrator of the tenant or " +
		"consented to by any user in the tenant. "
)

// rowOf is the table of codes. The sentences are contract: people and programs search for them. A code that is not in
// it is a transient server error.
func rowOf(code int) row {
	const bad, unauthorized = http.StatusBadRequest, http.StatusUnauthorized
	switch code {
	case codeUnknownInstance:
		return row{bad, "invalid_instance", true, "Unknown or invalid instance."}
	case codeUnknownTenant:
		return row{bad, "invalid_request", true, "Tenant '%s' not found. Check to make sure you have the correct tenant ID " +
			"and are signing into the correct cloud. Check with your subscription administrator, this may happen if " +
			"there are no active subscriptions for the tenant."}
	case codeUnknownApplication:
		return row{bad, "unauthorized_client", true, "Application with identifier '%s' was not found in the directory '%s'. " +
			perhapsTenant + "You may have sent your authentication request to the wrong tenant."}
	case codeNoPrincipal:
		return row{unauthorized, "invalid_client", true, "The client application %s is missing service principal in the tenant " +
			"%s. See instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"}
	case codeUnknownResource:
		return row{bad, "invalid_resource", true, "The resource principal named %s was not found in the tenant named %s. " +
			perhapsTenant + "You might have sent your authentication request to the wrong tenant."}
	case codeBlocked:
		return row{bad, "invalid_grant", true, "Access has been blocked by Conditional Access policies. The access policy " +
			"does not allow token issuance."}

	case codePostOnly:
		return row{bad, "invalid_request", true, "The endpoint only accepts POST requests. Received a %s request."}
	case codeMissingParameter:
		return row{bad, "invalid_request", true, "The request body must contain the following parameter: '%s'."}
	case codeUnknownGrant:
		return row{bad, "unsupported_grant_type", true, "The app requested an unsupported grant type '%s'."}
	case codeBadRequest:
		return row{bad, "invalid_request", true, "Invalid STS request. %s"}
	case codeBadScope:
		return row{bad, "invalid_scope", true, "The provided value for the input parameter 'scope' is not valid. " +
			"The scope %s is not valid."}
	case codeScopeNotDefault:
		return row{bad, "invalid_scope", true, "The provided value for scope %s is not valid. Client credential flows must " +
			"have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
	case codeResourceInV2:
		return row{bad, "invalid_request", true, "The 'resource' request parameter isn't supported."}

	case codeNoCredential:
		return row{unauthorized, "invalid_client", true, "The request body must contain the following parameter: " +
			"'client_assertion' or 'client_secret'."}
	case codeWrongSecret:
		return row{unauthorized, "invalid_client", true, "Invalid client secret provided. Ensure the secret being sent in " +
			"the request is the client secret value, not the client secret ID, for a secret added to app '%s'."}
	case codeExpiredSecret:
		return row{unauthorized, "invalid_client", true, "The provided client secret keys for app '%s' are expired. Visit " +
			"the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using " +
			"certificate credentials for added security: https://aka.ms/certCreds."}

	case codeBadJWT:
		return row{unauthorized, "invalid_client", true, "Invalid JWT token. %s"}
	case codeWrongAssertionID:
		return row{unauthorized, "invalid_client", true, "Client assertion application identifier doesn't match 'client_id' " +
			"parameter. " + assertionDocs}
	case codeWrongAssertionAud:
		return row{unauthorized, "invalid_client", true, "Client assertion audience claim does not match Realm issuer. " +
			assertionDocs}
	case codeAssertionTimes:
		return row{unauthorized, "invalid_client", true, "Client assertion is not within its valid time range. Current time: " +
			"%s, assertion valid from %s, expiry time of assertion %s. " + assertionDocs}
	case codeAssertionKey:
		return row{unauthorized, "invalid_client", true, "Client assertion failed signature validation. [Reason - %s, " +
			"Thumbprint of key used by client: '%s'] " + assertionDocs}

	case codeNotYetFederated:
		return row{bad, "invalid_request", true, "No matching federated identity record found for presented assertion. " +
			"Assertion Issuer: '%s'. Assertion Subject: '%s'. Assertion Audience: '%s'. " +
			"https://docs.microsoft.com/azure/active-directory/develop/workload-identity-federation"}
	case codeNoSuchIssuer:
		return row{unauthorized, "invalid_client", false, "No matching federated identity record found for presented " +
			"assertion issuer '%s'. " + checkCredential}
	case codeNoSuchAudience:
		return row{unauthorized, "invalid_client", false, "No matching federated identity record found for presented " +
			"assertion audience '%s'. " + checkCredential}
	case codeNoSuchSubject:
		return row{unauthorized, "invalid_client", false, "No matching federated identity record found for presented " +
			"assertion subject '%s'. " + checkCredential}
	case codeSubjectCase:
		return row{unauthorized, "invalid_client", false, "No matching federated identity record found for presented " +
			"assertion subject '%s'. The subject matches with case-insensitive comparison, but not with case-sensitive " +
			"comparison. " + checkCredential}
	case codeIssuerFailed:
		return row{bad, "invalid_request", true, "Request to External OIDC endpoint failed. %s"}
	}
	return row{http.StatusServiceUnavailable, "temporarily_unavailable", true, "A transient error has occurred. Please try again."}
}
