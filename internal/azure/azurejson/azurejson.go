// Package azurejson reads how a cluster's nodes are known to Azure: the file azure.json that every node of a cluster in
// Azure has, or the environment settings that take its place. Which keys count, and what they mean, is as AAD Pod Identity
// 1.8.17 had it; all the others, of which there are many, are left alone.
//
// The two sources are never merged: with half of each, nobody could say who is logged in. Every problem of a source is told
// at once, by key, and never with the value, for one of them is a password.
package azurejson

import (
	"strconv"
	"strings"

	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Config is what a source says. The zero value is none.
type Config struct {
	// Cloud has the endpoints. Its ResourceManager is never empty.
	Cloud cloud.Cloud
	// Tenant is empty when only a managed identity is used and none was given.
	Tenant string
	// Subscription and ResourceGroup are those of the nodes; empty when not given, since each node's provider id has its own.
	Subscription, ResourceGroup string
	// Mode is how the cluster proves who it is: secret.ServicePrincipal or secret.ManagedIdentity.
	Mode secret.Mode
	// ClientID is the application's or the user-assigned identity's; empty means the nodes' system-assigned identity.
	ClientID string
	// ClientSecret is the application's; empty for a managed identity.
	ClientSecret secret.Value
}

// keys are the spellings of one setting in the two sources.
type keys struct{ file, environment string }

var (
	keyCloud         = keys{"cloud", "CLOUD"}
	keyTenant        = keys{"tenantId", "TENANT_ID"}
	keySubscription  = keys{"subscriptionId", "SUBSCRIPTION_ID"}
	keyResourceGroup = keys{"resourceGroup", "RESOURCE_GROUP"}
	keyClientID      = keys{"aadClientId", "CLIENT_ID"}
	keyClientSecret  = keys{"aadClientSecret", "CLIENT_SECRET"}
	keyUseMSI        = keys{"useManagedIdentityExtension", "USE_MSI"}
	keyIdentity      = keys{"userAssignedIdentityID", "USER_ASSIGNED_MSI_CLIENT_ID"}
)

// marker is what AKS writes for id and secret of a cluster that has no application.
const marker = "msi"

// settings is one source: its name for messages, how it spells keys, and their values.
type settings struct {
	source   string
	key      func(keys) string
	value    func(keys) string
	problems fault.List
}

// FromEnvironment reads the settings CLOUD, TENANT_ID, CLIENT_ID, CLIENT_SECRET, SUBSCRIPTION_ID, RESOURCE_GROUP, USE_MSI
// and USER_ASSIGNED_MSI_CLIENT_ID, as lookup gives them. custom reads the file with a custom cloud's endpoints, which
// AZURE_ENVIRONMENT_FILEPATH names; it is called for AzureStackCloud alone. Errors are Invalid.
func FromEnvironment(lookup func(string) string, custom func() ([]byte, error)) (Config, error) {
	environment := func(k keys) string { return k.environment }
	s := settings{source: "environment", key: environment, value: func(k keys) string { return strings.TrimSpace(lookup(k.environment)) }}
	return s.read(custom)
}

// Parse reads the text of an azure.json: JSON or YAML. custom is as for FromEnvironment. Errors are Invalid.
func Parse(text []byte, custom func() ([]byte, error)) (Config, error) {
	values, problems := decode(text)
	s := settings{source: "azure.json", problems: problems}
	s.key = func(k keys) string { return k.file }
	s.value = func(k keys) string { return strings.TrimSpace(values[strings.ToLower(k.file)]) }
	if values == nil {
		return Config{}, problems.AsError()
	}
	return s.read(custom)
}

func (s *settings) read(custom func() ([]byte, error)) (Config, error) {
	c := Config{
		Cloud:         s.cloud(custom),
		Tenant:        s.name(keyTenant),
		Subscription:  s.name(keySubscription),
		ResourceGroup: s.name(keyResourceGroup),
	}
	s.credential(&c)
	if err := s.problems.AsError(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// credential reads who logs in. The original goes by the one switch, whatever else is filled in, and AKS fills in more.
func (s *settings) credential(c *Config) {
	managed, ok := s.boolean(keyUseMSI)
	switch {
	case !ok:
	case managed:
		c.Mode, c.ClientID = secret.ManagedIdentity, s.guid(keyIdentity)
	case strings.EqualFold(s.value(keyClientID), marker):
		s.wrong(keyClientID, "stands for a managed identity, but %s is not true", s.key(keyUseMSI)).
			Mend("set %s to true, and %s to the identity's client id if it is a user-assigned one", s.key(keyUseMSI), s.key(keyIdentity))
	default:
		c.Mode, c.ClientID = secret.ServicePrincipal, s.guid(keyClientID)
		c.ClientSecret = secret.NewValue([]byte(s.value(keyClientSecret)))
		s.required(keyTenant)
		s.required(keyClientID)
		s.required(keyClientSecret)
	}
}

func (s *settings) wrong(k keys, format string, args ...any) *fault.Error {
	f := fault.New(fault.Invalid, s.source+", "+s.key(k), format, args...)
	s.problems = append(s.problems, f)
	return f
}

func (s *settings) required(k keys) {
	if s.value(k) == "" {
		s.wrong(k, "is missing or empty").Mend("set it, or %s to true for a managed identity", s.key(keyUseMSI))
	}
}

// boolean takes true and false in the forms that people write; empty is false.
func (s *settings) boolean(k keys) (value, ok bool) {
	text := s.value(k)
	if text == "" {
		return false, true
	}
	value, err := strconv.ParseBool(strings.ToLower(text))
	if err != nil {
		s.wrong(k, "is neither true nor false").Mend("set it to true or false")
	}
	return value, err == nil
}
