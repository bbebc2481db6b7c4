package keyvault

import "slices"

// route is one line of the REST interface: what it takes, the permission it needs, what it does.
type route struct {
	method  string
	pattern string // words and {variables} between slashes
	area    Area
	action  Action
	do      operation
}

// compiled is a route with its pattern cut up, once.
type compiled struct {
	route
	words []string
}

func compile(list []route) []compiled {
	out := make([]compiled, len(list))
	for i, r := range list {
		out[i] = compiled{r, segments(r.pattern)}
	}
	return out
}

// routes is the whole interface. Of several that match the first counts, so that fixed words stand before variables.
func routes() []route {
	return slices.Concat(issuerRoutes(), certificateRoutes(), keyRoutes(), secretRoutes(),
		commonRoutes(Secrets), commonRoutes(Keys), commonRoutes(Certificates))
}

// commonRoutes are what the three areas have alike.
func commonRoutes(a Area) []route {
	live, deleted := string(a), "deleted"+string(a)
	return []route{
		{"POST", live + "/restore", a, Restore, restore},
		{"GET", live, a, List, list},
		{"GET", live + "/{name}", a, Get, get},
		{"GET", live + "/{name}/versions", a, List, versions},
		{"GET", live + "/{name}/{version}", a, Get, get},
		{"PATCH", live + "/{name}", a, Update, update},
		{"PATCH", live + "/{name}/{version}", a, Update, update},
		{"DELETE", live + "/{name}", a, Delete, remove},
		{"POST", live + "/{name}/backup", a, Backup, backup},
		{"GET", deleted, a, List, listDeleted},
		{"GET", deleted + "/{name}", a, Get, getDeleted},
		{"POST", deleted + "/{name}/recover", a, Recover, recoverDeleted},
		{"DELETE", deleted + "/{name}", a, Purge, purge},
	}
}

func secretRoutes() []route {
	return []route{{"PUT", "secrets/{name}", Secrets, Set, setSecret}}
}

func keyRoutes() []route {
	list := []route{
		{"POST", "keys/{name}/create", Keys, Create, createKey},
		{"PUT", "keys/{name}", Keys, Import, importKey},
		{"POST", "keys/{name}/rotate", Keys, Rotate, rotateKey},
		{"GET", "keys/{name}/rotationpolicy", Keys, GetRotationPolicy, getRotationPolicy},
		{"PUT", "keys/{name}/rotationpolicy", Keys, SetRotationPolicy, setRotationPolicy},
		{"POST", "rng", Keys, Random, randomBytes},
	}
	for action, do := range map[Action]operation{
		Sign: sign, Verify: verify, Encrypt: encrypt, Decrypt: decrypt, WrapKey: wrapKey, UnwrapKey: unwrapKey,
	} {
		list = append(list,
			route{"POST", "keys/{name}/" + string(action), Keys, action, do},
			route{"POST", "keys/{name}/{version}/" + string(action), Keys, action, do})
	}
	return list
}

func certificateRoutes() []route {
	a := Certificates
	return []route{
		{"POST", "certificates/{name}/create", a, Create, createCertificate},
		{"POST", "certificates/{name}/import", a, Import, importCertificate},
		{"GET", "certificates/{name}/policy", a, Get, getPolicy},
		{"PATCH", "certificates/{name}/policy", a, Update, updatePolicy},
		{"GET", "certificates/{name}/pending", a, Get, getPending},
		{"PATCH", "certificates/{name}/pending", a, Update, cancelPending},
		{"DELETE", "certificates/{name}/pending", a, Update, deletePending},
		{"POST", "certificates/{name}/pending/merge", a, Create, mergePending},
	}
}

func issuerRoutes() []route {
	a := Certificates
	return []route{
		{"GET", "certificates/contacts", a, ManageContacts, getContacts},
		{"PUT", "certificates/contacts", a, ManageContacts, setContacts},
		{"DELETE", "certificates/contacts", a, ManageContacts, deleteContacts},
		{"GET", "certificates/issuers", a, ListIssuers, listIssuers},
		{"GET", "certificates/issuers/{issuer}", a, GetIssuers, getIssuer},
		{"PUT", "certificates/issuers/{issuer}", a, SetIssuers, setIssuer},
		{"PATCH", "certificates/issuers/{issuer}", a, SetIssuers, updateIssuer},
		{"DELETE", "certificates/issuers/{issuer}", a, DeleteIssuers, deleteIssuer},
	}
}
