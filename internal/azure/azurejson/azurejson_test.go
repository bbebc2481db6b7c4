package azurejson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const (
	guid     = "22222222-2222-2222-2222-222222222222"
	password = "s3cr3t~value"
	// aks is a file as AKS writes it, shortened.
	aks = "\xef\xbb\xbf" + `{
	"cloud": "AzurePublicCloud",
	"tenantId": "11111111-1111-1111-1111-111111111111",
	"subscriptionId": "33333333-3333-3333-3333-333333333333",
	"aadClientId": "msi",
	"aadClientSecret": "msi",
	"resourceGroup": "MC_shop_shop_westeurope",
	"vmType": "vmss",
	"maximumLoadBalancerRuleCount": 250,
	"cloudProviderBackoff": true,
	"excludeMasterFromStandardLB": null,
	"nested": {"cloud": "elsewhere", "list": [1, 2]},
	"useManagedIdentityExtension": true,
	"userAssignedIdentityID": "22222222-2222-2222-2222-222222222222"
}`
	application = `
cloud: azureusgovernmentcloud
tenantId: contoso.example
aadClientId: 22222222-2222-2222-2222-222222222222
aadClientSecret: s3cr3t~value
`
)

func noFile() ([]byte, error) { return nil, errors.New("no file is named") }

func TestParseReadsWhatPeopleHave(t *testing.T) {
	t.Parallel()
	public, _ := cloud.Named(cloud.Public)
	government, _ := cloud.Named(cloud.USGovernment)
	china, _ := cloud.Named(cloud.China)
	ofAKS := azurejson.Config{Cloud: public, Tenant: "11111111-1111-1111-1111-111111111111", Subscription: "33333333-3333-3333-3333-333333333333",
		ResourceGroup: "MC_shop_shop_westeurope", Mode: secret.ManagedIdentity, ClientID: guid}
	for name, test := range map[string]struct {
		text string
		want azurejson.Config
	}{
		"AKS": {aks, ofAKS},
		"YAML": {application, azurejson.Config{Cloud: government, Tenant: "contoso.example", Mode: secret.ServicePrincipal, ClientID: guid,
			ClientSecret: secret.NewValue([]byte(password))}},
		"a password of digits":       {strings.Replace(application, password, "0123456", 1), azurejson.Config{Cloud: government, Tenant: "contoso.example", Mode: secret.ServicePrincipal, ClientID: guid, ClientSecret: secret.NewValue([]byte("0123456"))}},
		"the nodes' own identity":    {`{"CLOUD":"AzureChinaCloud","useManagedIdentityExtension":"True"}`, azurejson.Config{Cloud: china, Mode: secret.ManagedIdentity}},
		"an application left behind": {application + "useManagedIdentityExtension: true\n", azurejson.Config{Cloud: government, Tenant: "contoso.example", Mode: secret.ManagedIdentity}},
	} {
		got, err := azurejson.Parse([]byte(test.text), noFile)
		if err != nil {
			t.Errorf("%s: %s", name, fault.Explain(err))
			continue
		}
		if diff := cmp.Diff(test.want, got, cmp.Comparer(secret.Value.Equal)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestTheEnvironmentIsReadAlone(t *testing.T) {
	t.Parallel()
	set := map[string]string{"CLOUD": "AzureCloud", "TENANT_ID": "contoso.example", "CLIENT_ID": guid, "CLIENT_SECRET": password, "RESOURCE_GROUP": "g",
		"SUBSCRIPTION_ID": "s", "cloud": "AzureChinaCloud"}
	got, err := azurejson.FromEnvironment(func(k string) string { return set[k] }, noFile)
	if err != nil || got.Cloud.Name != cloud.Public || got.Mode != secret.ServicePrincipal || string(got.ClientSecret.Reveal()) != password || got.ResourceGroup != "g" || got.Subscription != "s" {
		t.Errorf("%+v, %v", got, err)
	}
	set["USE_MSI"], set["USER_ASSIGNED_MSI_CLIENT_ID"] = "TRUE", strings.ToUpper(guid)
	if got, err = azurejson.FromEnvironment(func(k string) string { return set[k] }, noFile); err != nil || got.Mode != secret.ManagedIdentity || got.ClientID != guid || got.ClientSecret.Len() != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err = azurejson.FromEnvironment(func(string) string { return "" }, noFile); !strings.Contains(fmt.Sprint(err), "environment, CLIENT_SECRET: is missing") {
		t.Errorf("%v", err)
	}
}

const stack = `{"name":"Contoso","activeDirectoryEndpoint":"https://login.contoso.example/","keyVaultEndpoint":"https://vault.contoso.example/",
	"keyVaultDNSSuffix":"vault.contoso.example","resourceManagerEndpoint":"https://management.contoso.example/","serviceManagementEndpoint":"https://management.contoso.example/1"}`

func TestACloudOfOnesOwnIsInAFile(t *testing.T) {
	t.Parallel()
	text := []byte(`{"cloud":"AzureStackCloud","useManagedIdentityExtension":true}`)
	got, err := azurejson.Parse(text, func() ([]byte, error) { return []byte(stack), nil })
	if err != nil || got.Cloud.Name != "Contoso" || got.Cloud.ManagerResource != "https://management.contoso.example/1" {
		t.Errorf("%+v, %v", got, err)
	}
	for want, read := range map[string]func() ([]byte, error){
		"set AZURE_ENVIRONMENT_FILEPATH": noFile,
		"key name: is missing":           func() ([]byte, error) { return []byte(`{}`), nil },
		"key resourceManagerEndpoint":    func() ([]byte, error) { return []byte(strings.Replace(stack, "resourceM", "m", 1)), nil },
	} {
		if _, err := azurejson.Parse(text, read); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Explain(err), want) {
			t.Errorf("%s: %s", want, fault.Explain(err))
		}
	}
	if _, err := azurejson.Parse([]byte(aks), func() ([]byte, error) { t.Error("the file was read"); return nil, nil }); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsToldByKeyAndNeverByValue(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string {
		if !strings.Contains(application, old) {
			t.Fatal(old)
		}
		return strings.Replace(application, old, new, 1)
	}
	for _, test := range []struct{ text, want string }{
		{"", "is no object"},
		{"[]", "is no object"},
		{"s3cr3t~value", "is no object"},
		{`{"aadClientSecret": "s3cr3t~value`, "is neither JSON nor YAML"},
		{"aadClientSecret: \"s3cr3t~value\\q\"", "is neither JSON nor YAML"},
		{strings.Repeat(" ", azurejson.MaxFile+1), "is larger than 256 KiB"},
		{change("cloud: azureusgovernmentcloud", ""), "azure.json, cloud: is missing"},
		{change("azureusgovernmentcloud", password), "cloud: there is no cloud of that name"},
		{change("contoso.example", password+"/x"), "tenantId: holds characters"},
		{change("tenantId: contoso.example", ""), "tenantId: is missing"},
		{change(guid, password), "aadClientId: is not a client id"},
		{change(guid, "''"), "aadClientId: is missing"},
		{change(guid, "MSI"), "useManagedIdentityExtension is not true"},
		{change("aadClientSecret: "+password, ""), "aadClientSecret: is missing"},
		{change("aadClientSecret: "+password, "aadClientSecret: ~"), "aadClientSecret: is missing"},
		{change("aadClientSecret: "+password, "aadClientSecret: ["+password+"]"), "aadClientSecret: is no plain value"},
		{change("aadClientSecret: "+password, "aadClientSecret: other\nAADClientSecret: "+password), "aadClientSecret: is there twice"},
		{application + "useManagedIdentityExtension: " + password, "useManagedIdentityExtension: is neither true nor false"},
		{application + "useManagedIdentityExtension: true\nuserAssignedIdentityID: " + password, "userAssignedIdentityID: is not a client id"},
		{application + "resourceGroup: " + password, "resourceGroup: holds characters"},
		{`{"cloud":"AzureCloud","cloud":"AzureChinaCloud","aadClientSecret":["s3cr3t~value"]}`, "aadClientSecret: is no plain value"},
	} {
		_, err := azurejson.Parse([]byte(test.text), noFile)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%.60q: %v, want %q", test.text, err, test.want)
		}
		if strings.Contains(fault.Explain(err), password) {
			t.Errorf("a value is told: %s", fault.Explain(err))
		}
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := azurejson.Parse([]byte(`{"resourceGroup":"a/b","userAssignedIdentityID":{}}`), noFile)
	for _, want := range []string{"cloud: is missing", "tenantId: is missing", "aadClientId: is missing", "aadClientSecret: is missing", "resourceGroup: holds", "userAssignedIdentityID: is no plain"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(aks))
	f.Add([]byte(application))
	f.Add([]byte("a: &x {b: *x}\n<<: *x\n? [1]\n: 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := azurejson.Parse(text, noFile)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if c.Cloud.ResourceManager == "" || c.Mode == "" || c.Mode == secret.ServicePrincipal && (c.ClientID == "" || c.ClientSecret.Len() == 0 || c.Tenant == "") {
			t.Fatalf("%+v", c)
		}
	})
}
