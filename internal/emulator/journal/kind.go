package journal

import (
	"net/http"
	"strings"

	"strongroom/internal/emulator/faults"
)

// Classify says what sort of request it was, from a closed set:
//
//	token, discovery, oidc, jwks                     the token authority
//	proxy-token, proxy-oidc, ...                     the same through the identity-binding proxy
//	issuer-oidc, issuer-jwks                         what the authority asks of the cluster's issuer, and the proxy's own
//	challenge                                        a vault's 401 to a request without a token
//	secret-get, secret-list, secret-versions, ...    a vault: the object's sort and what was done; likewise key- and
//	                                                 certificate-; deleted-secret-get and so on for the deleted
//	imds-token, imds-probe, imds-other, nmi-token    a node's endpoints
//	vm-get, vmss-patch, vmss-upgrade, ...            the resource manager: machine or scale set and what was done; its
//	                                                 instances as vmss-vm-get, updates that run as arm-operation; likewise
//	                                                 identity-, federated-, role-assignment-, role-definition-, vault-,
//	                                                 deleted-vault-, cluster-, group-, subscription-, provider-; lists as
//	                                                 vm-list, resource-list, tenant-list, location-list
//	application-get, application-federated-add,      Graph: applications with their federated credentials and passwords,
//	password-add, principal-list, object-list, …     service principals, and look-ups
//	other                                            anything else
func Classify(service faults.Service, r *http.Request, status int) string {
	segments := strings.FieldsFunc(r.URL.Path, func(c rune) bool { return c == '/' })
	switch service {
	case faults.KeyVault:
		if status == http.StatusUnauthorized && r.Header.Get("Authorization") == "" {
			return "challenge"
		}
		return vaultKind(r.Method, segments)
	case faults.Entra:
		return authorityKind(segments)
	case faults.Issuer:
		return "issuer-" + authorityKind(segments)
	case faults.TokenProxy:
		if len(segments) > 0 && segments[0] == "identity-bindings" {
			return "issuer-" + authorityKind(segments)
		}
		return "proxy-" + authorityKind(segments)
	case faults.IMDS:
		return imdsKind(r, segments)
	case faults.NMI:
		return "nmi-token"
	case faults.ARM:
		return armKind(r.Method, segments)
	case faults.Graph:
		return graphKind(r.Method, segments)
	}
	return "other"
}

func authorityKind(segments []string) string {
	path := "/" + strings.ToLower(strings.Join(segments, "/"))
	switch {
	case strings.HasSuffix(path, "/discovery/instance"):
		return "discovery"
	case strings.HasSuffix(path, "/openid-configuration"):
		return "oidc"
	case strings.HasSuffix(path, "/keys") || strings.HasSuffix(path, "/jwks") || strings.HasSuffix(path, "/certs"):
		return "jwks"
	case strings.HasSuffix(path, "/token"):
		return "token"
	}
	return "other"
}

func imdsKind(r *http.Request, segments []string) string {
	switch {
	case r.Header.Get("Metadata") == "":
		return "imds-probe"
	case len(segments) == 4 && segments[1] == "identity":
		return "imds-token"
	}
	return "imds-other"
}

// vaultKind reads /{area}[/{name}[/{what}[/{more}]]].
func vaultKind(method string, segments []string) string {
	if len(segments) == 0 {
		return "other"
	}
	area := strings.ToLower(segments[0])
	sort := strings.TrimSuffix(area, "s")
	switch area {
	case "secrets", "keys", "certificates":
	case "deletedsecrets", "deletedkeys", "deletedcertificates":
		sort = "deleted-" + strings.TrimPrefix(sort, "deleted")
	default:
		return "other"
	}
	return sort + "-" + vaultAction(method, segments[1:])
}

// operations are last path segments that name what is done, for any number of segments before them.
const operations = " versions create import backup restore recover pending merge policy issuers contacts rotate rotationpolicy " +
	"encrypt decrypt sign verify wrapkey unwrapkey release attestation "

func vaultAction(method string, segments []string) string {
	if len(segments) > 0 {
		last := strings.ToLower(segments[len(segments)-1])
		if strings.Contains(operations, " "+last+" ") && (len(segments) > 1 || last == "restore" || last == "issuers" || last == "contacts") {
			return last
		}
	}
	switch method {
	case http.MethodGet:
		if len(segments) == 0 {
			return "list"
		}
		return "get"
	case http.MethodPut:
		return "set"
	case http.MethodPatch:
		return "update"
	case http.MethodDelete:
		return "delete"
	}
	return "other"
}
