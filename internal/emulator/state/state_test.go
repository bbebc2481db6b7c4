package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

const tenants = "tenants: [{domain: contoso.example}]\n"

func TestReadsEverything(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "everything.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := state.Parse(text, fstest.MapFS{"keys.json": {Data: []byte(`{"keys":[]}`)}})
	if err != nil {
		t.Fatal(fault.Explain(err))
	}
	app, vault := d.Applications[0], d.Vaults[0]
	if string(app.Secrets[0].Value.Reveal()) != "s3cret" || app.Federated[0].Subject != "system:serviceaccount:shop:web" {
		t.Errorf("application: %+v", app)
	}
	if vault.Traits.Settling != 2*time.Second || string(vault.Objects[0].Versions[0].Value.Reveal()) != "0123" {
		t.Errorf("vault: %+v", vault)
	}
	if d.Nodes[1].ScaleSet != "pool" || d.Nodes[2].ResourceGroup != "MC_contoso_(1)" || !d.ScaleSets[0].SystemAssigned || d.ResourceManager.Propagation != time.Minute {
		t.Errorf("machines: %+v %+v %+v", d.Nodes, d.ScaleSets, d.ResourceManager)
	}
	if d.Issuers[0].JWKS != `{"keys":[]}` || d.Faults[0].RetryAfter != 90*time.Second || !d.Nodes[0].SystemAssigned {
		t.Errorf("got %+v %+v %+v", d.Issuers, d.Faults, d.Nodes)
	}
}

// problems gives path and text of everything Parse has to say.
func problems(err error) []string {
	var list fault.List
	if !errors.As(err, &list) {
		var one *fault.Error
		if !errors.As(err, &one) {
			return nil
		}
		list = fault.List{one}
	}
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.Error()
	}
	return texts
}

func TestEveryProblemIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing": {"", []string{"tenants: at least one is required"}},
		"unknown fields, wherever they are": {
			"tenant: x\nvaults:\n- name: kv\n  polices: []\n  objects: [{kind: secret, nam: a}]\n",
			[]string{"tenant: is not a field here (line 1)", "vaults[0].polices: is not a field here (line 4)", "vaults[0].objects[0].nam: is not a field here (line 5)"},
		},
		"unknown fields of a type that decodes itself": {
			"applications: [{name: a, secrets: [{valeu: planted}]}]",
			[]string{"applications[0].secrets[0].valeu: is not a field here (line 1)"},
		},
		"wrong types, without their values": {
			"nodes: {a: planted}\nfaults: [{service: [x], count: planted, latency: planted, outage: planted}]\n",
			[]string{
				"nodes: must be a list (line 1)", "faults[0].service: must be text (line 2)", "faults[0].count: must be a whole number (line 2)",
				"faults[0].latency: must be a duration such as 1.5s or 10m (line 2)", "faults[0].outage: must be true or false (line 2)",
			},
		},
		"a key twice":   {"tenants: []\ntenants: []\n", []string{"tenants: is given twice (line 2)"}},
		"an alias":      {"tenants: &a [{domain: x}]\nresources: *a\n", []string{"resources: anchors and aliases are not taken here (line 2)"}},
		"two documents": {"tenants: []\n---\ntenants: []\n", []string{"document: holds more than one YAML document"}},
		"a list":        {"[]", []string{"document: must be a mapping (line 1)"}},
		"names": {
			tenants + "applications: [{name: a}, {name: A}, {}]\nidentities: [{name: m, systemAssigned: true}]\nnodes: [{name: n}, {name: N}, {name: ../x}]\nvaults: [{name: kv}, {name: kv1}, {name: KV1}]\n",
			[]string{
				`applications[1]: "A" already names a principal`, "applications[2].name: is required", "identities[0].systemAssigned: belongs to a node: set it there",
				`nodes[1].name: "N" is given twice`, "nodes[2].name: must be a host name",
				"vaults[0].name: must be 3 to 24 letters, digits and dashes, beginning with a letter", `vaults[2].name: "KV1" is given twice`,
			},
		},
		"references": {
			tenants + "nodes: [{name: n, identities: [nobody]}]\npodBindings: [{namespace: a, pod: b, identity: nobody}, {identity: n}]\nidentityBindings: [{namespace: a}]\nvaults: [{name: kv1, policies: [{principal: nobody}, {principal: 0b3a1c6e-1111-2222-3333-444455556666}]}]\n",
			[]string{
				`nodes[0].identities[0]: "nobody" is no application, identity or node with an identity in this document`,
				`vaults[0].policies[0].principal: "nobody" is no application, identity or node with an identity in this document`,
				`podBindings[0].identity: "nobody" is no application, identity or node with an identity in this document`,
				`podBindings[1].identity: "n" is no application, identity or node with an identity in this document`,
				`podBindings[1]: needs namespace and pod ("*" for every pod)`,
				"identityBindings[0].identity: is required", `identityBindings[0]: needs namespace and serviceAccount ("*" for any)`,
			},
		},
		"permissions": {
			tenants + "applications: [{name: a}]\nvaults:\n- {name: kv1, authorization: both, firewall: shut, policies: [{principal: a, secrets: [read]}], roleAssignments: [{principal: a, role: Owner, scope: x}]}\n- {name: kv2, authorization: rbac, policies: [{principal: a}]}\n",
			[]string{
				`vaults[0].authorization: "both" must be one of policies, rbac`, `vaults[0].firewall: "shut" must be one of open, deny`,
				`vaults[0].policies[0].secrets[0]: "read" is no permission here; known are all get list set delete recover backup restore purge`,
				"vaults[0].roleAssignments: have an effect only with authorization: rbac",
				"vaults[0].roleAssignments[0].role: is unknown: role Owner: is not a built-in Key Vault role",
				"vaults[0].roleAssignments[0].scope: must be empty or secrets/NAME, keys/NAME, certificates/NAME",
				"vaults[1].policies: have no effect with authorization: rbac",
			},
		},
		"unknown fields of machines": {
			tenants + "nodes: [{name: n, scaleset: x}]\nresourceManager: {speed: 1}\n",
			[]string{"nodes[0].scaleset: is not a field here (line 2)", "resourceManager.speed: is not a field here (line 3)"},
		},
		"machines": {
			tenants + "identities: [{name: m}]\nnodes: [{name: n, subscription: x, resourceGroup: 'a b'}, {name: o, scaleSet: none}, {name: p, scaleSet: s, resourceGroup: g, systemAssigned: true}]\n" +
				"scaleSets: [{name: s, upgradePolicy: Never, identities: [nobody]}, {name: N}]\nresourceManager: {updateTime: -1s}\n",
			[]string{
				"nodes[0].subscription: must be a GUID", "nodes[0].resourceGroup: must be letters, digits, dashes, dots, underscores and parentheses, and not end with a dot",
				`nodes[1].scaleSet: "none" is not among scaleSets`,
				"nodes[2]: belongs to a scale set: subscription, resourceGroup, tenantId, systemAssigned and identities are said there",
				`scaleSets[0].identities[0]: "nobody" is no application, identity or node with an identity in this document`,
				`scaleSets[0].upgradePolicy: "Never" must be one of Automatic, Rolling, Manual`, `scaleSets[1].name: "N" is given twice`,
				"resourceManager: its times may not be negative",
			},
		},
		"roles for machines": {
			tenants + "identities: [{name: m}, {name: n}]\nnodes: [{name: n}, {name: o, scaleSet: s}]\nscaleSets: [{name: s}]\n" +
				"resourceRoles: [{principal: x, role: Key Keeper, scope: n}, {principal: m, role: Owner, scope: o}, {principal: m, role: Owner}, {principal: m, role: owner, scope: s}]\n",
			[]string{
				`resourceRoles[0].principal: "x" is no application, identity or node with an identity in this document`,
				"resourceRoles[0].role: is unknown: role Key Keeper: is not a built-in role that is known here",
				`resourceRoles[0].scope: "n" is the name of more than one thing: give its ARM id`,
				`resourceRoles[1].scope: "o" must be an ARM id that begins with /subscriptions/, or the name of an identity, node, scale set or vault`,
				`resourceRoles[2].scope: "" must be an ARM id that begins with /subscriptions/, or the name of an identity, node, scale set or vault`,
			},
		},
		"roles in the directory": {
			tenants + "applications: [{name: a}]\ndirectoryRoles: [{principal: x, role: Owner}, {principal: a, role: directory readers}]\n",
			[]string{
				`directoryRoles[0].principal: "x" is no application, identity or node with an identity in this document`,
				"directoryRoles[0].role: is unknown: role Owner: is not a directory role that concerns applications",
			},
		},
		"what resources stand on": {
			tenants + "subscriptions: [{id: x, resourceGroups: [a.]}]\nvaults: [{name: kv1, subscription: x, resourceId: /a}]\n" +
				"clusters: [{name: c, kubeletIdentity: nobody, issuer: 'http://x'}, {name: C, nodeResourceGroup: '?', identity: /subscriptions/s/later}]\n" +
				"resourceManager: {federatedWrite: -1s, limits: {reads: {burst: -1}}}\n",
			[]string{
				"resourceManager: its times may not be negative", "resourceManager.limits: burst and perSecond may not be negative",
				"subscriptions[0].id: must be a GUID", "subscriptions[0].resourceGroups[0]: must be letters, digits, dashes, dots, underscores and parentheses, and not end with a dot",
				`clusters[0].kubeletIdentity: "nobody" is no application, identity or node with an identity in this document`, "clusters[0].issuer: must be an https URL",
				`clusters[1].name: "C" is given twice`, "clusters[1].nodeResourceGroup: must be letters, digits, dashes, dots, underscores and parentheses, and not end with a dot",
				"vaults[0].subscription: must be a GUID", "vaults[0].resourceId: goes not together with subscription and resourceGroup",
			},
		},
		"issuers and faults": {
			tenants + "issuers: [{url: http://x}, {url: https://x, jwks: '{}', jwksFile: y}]\nfaults: [{service: storage, status: 200}]\n",
			[]string{
				"issuers[1].jwksFile: goes not together with jwks", "issuers[0].url: must be an https URL", "issuers[0]: needs jwks or jwksFile",
				`faults[0].service: unknown service "storage"; known are entra, imds, nmi, keyvault, tokenproxy, issuer, arm, graph`, "faults[0].status: must be an error status, 400 to 599",
			},
		},
		"a file without a folder": {tenants + "issuers: [{url: https://x, jwksFile: y}]", []string{"issuers[0].jwksFile: files cannot be read here; give jwks inline"}},
		"no YAML":                 {"tenants: [", []string{"document: is not YAML: yaml: line 1: did not find expected node content"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := state.Parse([]byte(test.text), nil)
			if diff := cmp.Diff(test.want, problems(err)); diff != "" || fault.KindOf(err) != fault.Invalid {
				t.Errorf("kind %s (-want +got):\n%s", fault.KindOf(err), diff)
			}
		})
	}
}

func TestFilesStayInTheDocumentsFolder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../keys.json", "/etc/passwd", "missing"} {
		text := tenants + "issuers: [{url: https://x, jwksFile: " + name + "}]"
		if _, err := state.Parse([]byte(text), os.DirFS(t.TempDir())); err == nil || !strings.Contains(err.Error(), "issuers[0].jwksFile: cannot be read") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAliasesDoNotBlowUp(t *testing.T) {
	t.Parallel()
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nresources: *c\n"
	if _, err := state.Parse([]byte(bomb), nil); err == nil {
		t.Error("taken")
	}
	if _, err := state.Parse(make([]byte, 9<<20), nil); err == nil || !strings.Contains(err.Error(), "larger than 8 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestFaultsAsYAMLOrJSON(t *testing.T) {
	t.Parallel()
	want := []faults.Fault{{Service: faults.KeyVault, Status: 429, RetryAfter: 2 * time.Second}}
	for _, text := range []string{`[{"service":"keyvault","status":429,"retryAfter":"2s"}]`, "- service: keyvault\n  status: 429\n  retryAfter: 2s\n"} {
		got, err := state.ParseFaults([]byte(text))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	_, err := state.ParseFaults([]byte(`[{"service":"keyvault","status":200,"x":1}]`))
	if diff := cmp.Diff([]string{"faults[0].x: is not a field here (line 1)"}, problems(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
