package params_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// A token that is taken speaks for the pod itself and for an audience that was asked for, and no word of it is told.
func FuzzTokens(f *testing.F) {
	claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(jwt(nil), ".")[1])
	f.Add(string(claims), exchange, true)
	f.Add(`{"iss":"i","sub":"system:serviceaccount:shop:web","aud":"`+exchange+`","exp":1.9e9}`, exchange, false)
	f.Add(`{"iss":"i","sub":"system:serviceaccount:shop:web","aud":["x"],"exp":1e300,"nbf":-1}`, "x", false)
	f.Add(`{"iss":1}`, "", true)
	f.Fuzz(func(t *testing.T, claims, audience string, sealed bool) {
		raw := "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + planted
		takes(t, tokens(map[string]string{audience: raw}), sealed)
		takes(t, claims, sealed) // and in place of the document
	})
}

func takes(t *testing.T, document string, sealed bool) {
	t.Helper()
	in := workload()
	in.Attributes[tokenKey] = document
	if sealed {
		delete(in.Attributes, tokenKey)
		in.Secrets = map[string]secret.Value{tokenKey: secret.NewValue([]byte(document))}
	}
	r, err := params.Decode(in)
	if err != nil {
		if text := fault.Explain(err); strings.Contains(text, planted) || strings.Contains(text, "\n") ||
			fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Denied {
			t.Fatalf("%v %q", fault.KindOf(err), text)
		}
		return
	}
	a := r.Identity.Assertion
	if a == nil || a.Subject != "system:serviceaccount:shop:web" || a.Audience != exchange || a.Issuer == "" || a.Expires.IsZero() ||
		strings.ContainsAny(string(a.Raw.Reveal()), "\r\n") {
		t.Fatalf("%+v", a)
	}
}

// Whatever a Secret holds, no value of it is told.
func FuzzCredential(f *testing.F) {
	f.Add("clientid", clientID, "clientsecret", planted)
	f.Add("ClientID", clientID, "clientcertificate", "-----BEGIN "+planted)
	f.Add("clientid", planted, "clientsecret", clientID)
	f.Add("clientid", clientID+"\n", "ClientSecret", planted+"\r\n")
	f.Fuzz(func(t *testing.T, key1, value1, key2, value2 string) {
		in := valid()
		delete(in.Attributes, "useVMManagedIdentity")
		delete(in.Attributes, "userAssignedIdentityID")
		in.Secrets = map[string]secret.Value{key1: secret.NewValue([]byte(value1)), key2: secret.NewValue([]byte(value2))}
		r, err := params.Decode(in)
		told := strings.Join(r.Notes, " ")
		if err != nil {
			told += fault.Explain(err)
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
		} else if c := r.Identity.Credential; c == nil || c.ClientID == "" || (c.Secret.Len() > 0) == (c.Certificate.Len() > 0) {
			t.Fatalf("%+v", r.Identity)
		}
		if strings.Contains(told, planted) && !strings.Contains(key1+key2, planted) || strings.Contains(told, "\n") {
			t.Fatalf("%q", told)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
	})
}
