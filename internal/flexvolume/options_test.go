package flexvolume

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const planted = "planted-4f1c"

// valid are options that mount, by a service principal; pairs replace, and an empty value removes.
func valid(pairs ...string) map[string]string {
	options := map[string]string{
		"keyvaultname": "kv", "keyvaultobjectnames": "db", "keyvaultobjecttypes": "secret", "tenantid": "contoso.example",
		keyPodName: "web-0", keyPodNamespace: "shop", keyPodUID: "u", keyAccount: "web", keyVolume: "vol", kubelets + "readwrite": "rw",
		keySecret + "clientid": encoded("client"), keySecret + "clientsecret": encoded(planted),
	}
	for i := 0; i < len(pairs); i += 2 {
		options[pairs[i]] = pairs[i+1]
		if pairs[i+1] == "" {
			delete(options, pairs[i])
		}
	}
	return options
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func read(options map[string]string) (Call, error) {
	text, _ := json.Marshal(options)
	return ReadCall(text)
}

func TestACallIsWhatTheAuthorAndTheKubeletSay(t *testing.T) {
	t.Parallel()
	group := 2000
	got, err := read(valid("KeyVaultName", "kv", "keyvaultobjectnames", "db;db;k;c;k", "keyvaultobjecttypes", "secret; SECRET ;key;cert;key",
		"keyvaultobjectversions", ";v1;;;", "keyvaultobjectaliases", "a b;old;k.pem;c.der;k", "cloudname", "azurechinacloud",
		keyGroup, "2000", "nmiport", "02579", "resourcegroup", "rg", "colour", "red"))
	if err != nil {
		t.Fatal(err)
	}
	want := Call{
		Spec: Spec{
			Tenant: "contoso.example", Vault: "kv", Cloud: "azurechinacloud", Mode: secret.ServicePrincipal, NMIPort: "2579",
			Objects: []Object{
				{secret.Object{Kind: secret.Secret, Name: "db"}, "a b", "raw"},
				{secret.Object{Kind: secret.Secret, Name: "db", Version: "v1"}, "old", "raw"},
				{secret.Object{Kind: secret.Key, Name: "k"}, "k.pem", "pem"},
				{secret.Object{Kind: secret.Certificate, Name: "c"}, "c.der", "der"},
				{secret.Object{Kind: secret.Key, Name: "k"}, "k", "pem"},
			},
			Notes: []string{"option colour is not known and has no effect", "option resourcegroup has no effect any more"},
		},
		Pod: secret.Pod{Namespace: "shop", Name: "web-0", UID: "u", ServiceAccount: "web"}, Volume: "vol", Group: &group,
		Secrets: map[string]secret.Value{"clientid": secret.NewValue([]byte("client")), "clientsecret": secret.NewValue([]byte(planted))},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(secret.Value.Equal)); diff != "" {
		t.Error(diff)
	}
}

func TestTheOldSpellingsCountOnlyTogether(t *testing.T) {
	t.Parallel()
	old := []string{"keyvaultobjectname", "old", "keyvaultobjecttype", "key", "keyvaultobjectversion", "v"}
	got, err := read(valid(append(old, "keyvaultobjectnames", "", "keyvaultobjecttypes", "secret;secret", "keyvaultobjectversions", "x;y")...))
	if err != nil || len(got.Objects) != 1 || got.Objects[0].Object != (secret.Object{Kind: secret.Key, Name: "old", Version: "v"}) {
		t.Errorf("%+v, %v", got.Objects, err)
	}
	got, err = read(valid(old...))
	if err != nil || len(got.Objects) != 1 || got.Objects[0].Object != (secret.Object{Kind: secret.Secret, Name: "db"}) {
		t.Errorf("with the plural: %+v, %v", got.Objects, err)
	}
}

func TestTheIdentityIsTheFirstThatIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		pairs  []string
		mode   secret.Mode
		client string
	}{
		{nil, secret.ServicePrincipal, ""},
		{[]string{"usepodidentity", "false", "usevmmanagedidentity", "0"}, secret.ServicePrincipal, ""},
		{[]string{"usevmmanagedidentity", "true"}, secret.ManagedIdentity, ""},
		{[]string{"usevmmanagedidentity", "True", "vmmanagedidentityclientid", "c"}, secret.ManagedIdentity, "c"},
		{[]string{"usepodidentity", "true", "usevmmanagedidentity", "true", "vmmanagedidentityclientid", "c"}, secret.PodIdentity, ""},
	} {
		got, err := read(valid(m.pairs...))
		if err != nil || got.Mode != m.mode || got.Client != m.client || (got.Secrets != nil) != (m.mode == secret.ServicePrincipal) {
			t.Errorf("%q: %s %q, %v", m.pairs, got.Mode, got.Client, err)
		}
	}
}

// The Secret's keys may be in any case, and its values broken over lines.
func TestASecretIsReadAsTheOriginalDid(t *testing.T) {
	t.Parallel()
	text := encoded(planted)
	got, err := read(valid(keySecret+"clientsecret", "", keySecret+"ClientSecret", text[:4]+"\n "+text[4:]+"\r\n"))
	if err != nil || string(got.Secrets["clientsecret"].Reveal()) != planted {
		t.Error(err)
	}
	got, err = read(valid(keySecret+"clientsecret", "", keySecret+"clientcertificate", text))
	if err != nil || got.Secrets["clientcertificate"].Len() == 0 {
		t.Error(err)
	}
}

func TestWhatIsWrongIsToldInTheOriginalsWords(t *testing.T) {
	t.Parallel()
	for want, pairs := range map[string][]string{
		"validation failed, tenantid is empty":                                                              {"tenantid", " "},
		"validation failed, keyvaultname is empty":                                                          {"keyvaultname", ""},
		"validation failed, keyvaultobjectnames is empty":                                                   {"keyvaultobjectnames", ""},
		"validation failed, keyvaultobjecttypes is empty":                                                   {"keyvaultobjecttypes", ""},
		"validation failed, keyvaultobjecttype is empty":                                                    {"keyvaultobjectnames", "", "keyvaultobjectname", "x"},
		"validation failed, secret/clientid is empty":                                                       {keySecret + "clientid", ""},
		"validation failed, secret/clientsecret is empty":                                                   {keySecret + "clientsecret", ""},
		"validation failed, pod.namespace is empty":                                                         {keyPodNamespace, "", "usepodidentity", "true"},
		"validation failed, pod.name is empty":                                                              {keyPodName, "", "usepodidentity", "true"},
		"option keyvaultobjecttypes: it has 1 item and keyvaultobjectnames has 2: the counts must be equal": {"keyvaultobjectnames", "a;b"},
		"option keyvaultobjectversions: it has 2 items and keyvaultobjectnames has 1: the counts":           {"keyvaultobjectversions", "a;b"},
		"option keyvaultobjectaliases: it has 2 items and keyvaultobjectnames has 1: the counts":            {"keyvaultobjectaliases", "a;b"},
		`item 1: Invalid vaultObjectTypes. Should be secret, key, or cert, not "sercet"`:                    {"keyvaultobjecttypes", "sercet"},
		"item 1 is empty, and a file needs a name":                                                          {"keyvaultobjectaliases", ";x", "keyvaultobjectnames", "a;b", "keyvaultobjecttypes", "key;key"},
		"it holds a separator of directories":                                                               {"keyvaultobjectaliases", "../../etc/cron.d/x"},
		`it holds a separator of directories: "a\\b"`:                                                       {"keyvaultobjectaliases", `a\b`},
		"it must not be . nor hold ..":                                                                      {"keyvaultobjectaliases", ".."},
		`it must not be . nor hold ..: "."`:                                                                 {"keyvaultobjectaliases", "."},
		"it holds control characters":                                                                       {"keyvaultobjectaliases", "a\x00b"},
		"it is longer than 250 bytes":                                                                       {"keyvaultobjectaliases", strings.Repeat("a", 251)},
		`items 1 and 2 are both written to the file "a"`:                                                    {"keyvaultobjectnames", "a;a", "keyvaultobjecttypes", "secret;cert"},
		"option keyvaultobjectaliases: items 1 and 3 are both":                                              {"keyvaultobjectnames", "a;b;c", "keyvaultobjecttypes", "key;key;key", "keyvaultobjectaliases", "x;y;x"},
		"option nmiport: is not a port":                                                                     {"nmiport", "65536"},
		"option nmiport: is not a port, a whole number":                                                     {"nmiport", "80/../"},
		"option usepodidentity: is neither true nor false":                                                  {"usepodidentity", "yes"},
		"option usevmmanagedidentity: is neither":                                                           {"usevmmanagedidentity", "on"},
		`option keyformat: "der" is neither pem nor modulus`:                                                {"keyformat", "der"},
		"option tenantid: is given twice":                                                                   {"TenantID", "another"},
		"it lists 1001 objects":                                                                             {"keyvaultobjectnames", strings.Repeat("a;", 1000) + "b"},
		"option kubernetes.io/mounterArgs.FsGroup: is no group":                                             {keyGroup, "-1"},
		"option kubernetes.io/secret/clientid: is not base64":                                               {keySecret + "clientid", planted + "!"},
		"option keyvaultobjectnames: item 2 is empty":                                                       {"keyvaultobjectnames", "a;", "keyvaultobjecttypes", "key;key"},
	} {
		_, err := read(valid(pairs...))
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid || strings.Contains(fault.Explain(err), planted) {
			t.Errorf("%q: %v", pairs, err)
		}
	}
	for _, text := range []string{"", "null", "[]", `{"a": 1}`, `{"a": {"` + planted + `": 1}}`, planted} {
		if _, err := ReadCall([]byte(text)); err == nil || strings.Contains(err.Error(), planted) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Everything is told at once, so that a manifest is mended in one go.
func TestEveryProblemIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := read(map[string]string{})
	for _, want := range []string{"tenantid", "keyvaultname", "keyvaultobjectnames", "secret/clientid", "secret/clientsecret", "pod.namespace", "pod.name"} {
		if !strings.Contains(err.Error(), "validation failed, "+want+" is empty") {
			t.Errorf("%s is not told: %v", want, err)
		}
	}
}

// What only looks like the kubelet's does nothing.
func TestNobodyElseSpeaksForTheKubelet(t *testing.T) {
	t.Parallel()
	got, err := read(valid("KUBERNETES.IO/pod.name", "other", "Kubernetes.io/pod.namespace", "kube-system", "pod.name", "other"))
	if err != nil || got.Pod.String() != "shop/web-0" {
		t.Errorf("%s, %v", got.Pod, err)
	}
}

func FuzzReadCall(f *testing.F) {
	for _, pairs := range [][]string{nil, {"keyvaultobjectnames", "a;b", "keyvaultobjectaliases", "x;../y"}, {"keyvaultobjectnames", "", "keyvaultobjectname", "x"}} {
		text, _ := json.Marshal(valid(pairs...))
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		call, err := ReadCall(text)
		if err != nil {
			if strings.ContainsAny(AnswerTo(err).Message, "\n\r") {
				t.Errorf("a message of several lines: %q", err)
			}
			return
		}
		files := map[string]bool{}
		for _, o := range call.Objects {
			if o.File == "" || files[o.File] || strings.ContainsAny(o.File, "/\\\x00\n") || strings.Contains(o.File, "..") || o.File == "." {
				t.Errorf("the file %q", o.File)
			}
			files[o.File] = true
		}
		if len(files) == 0 || call.Vault == "" || call.Tenant == "" || call.Pod.Name == "" {
			t.Errorf("%+v", call.Spec)
		}
	})
}
