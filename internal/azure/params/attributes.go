package params

import (
	"maps"
	"slices"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// Canonical names of the parameters. tenantId is an older spelling of tenantID and still the one most manifests use.
const (
	keyPodIdentity     = "usePodIdentity"
	keyManagedIdentity = "useVMManagedIdentity"
	keyTokenProxy      = "useAzureTokenProxy"
	keyUserAssigned    = "userAssignedIdentityID"
	keyClient          = "clientID"
	keyVault           = "keyvaultName"
	keyCloud           = "cloudName"
	keyCloudFile       = "cloudEnvFileName"
	keyTenant          = "tenantID"
	keyOldTenant       = "tenantId"
	keyObjects         = "objects"
	keyLastKnownGood   = "lastKnownGood"
	keyRotation        = secretsstore.ParamRotation // the driver's; another driver than ours passes it on
)

var parameterNames = []string{
	keyPodIdentity, keyManagedIdentity, keyTokenProxy, keyUserAssigned, keyClient, keyVault, keyCloud, keyCloudFile,
	keyTenant, keyObjects, keyLastKnownGood, keyRotation,
}

// retired are parameters of earlier providers; old manifests carry them and must keep working.
var retired = []string{"useManagedIdentity", "resourceGroup", "subscriptionId", "keyvaultObjectName"}

// attributes groups what was handed in by parameter, in any case of the key. Keys without a value count as absent.
func (d *decoder) attributes() map[string]string {
	spellings := map[string][]string{} // by lower-case key, each sorted
	for _, key := range slices.Sorted(maps.Keys(d.in.Attributes)) {
		if strings.TrimSpace(d.in.Attributes[key]) != "" {
			spellings[strings.ToLower(key)] = append(spellings[strings.ToLower(key)], key)
		}
	}
	values := map[string]string{}
	for _, name := range parameterNames {
		keys := spellings[strings.ToLower(name)]
		delete(spellings, strings.ToLower(name))
		if len(keys) > 0 {
			values[name] = d.choose(name, keys)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(spellings)) {
		d.noteUnknown(spellings[key][0])
	}
	return values
}

// choose takes one value among several spellings of a parameter: the canonical one, for the tenant then its older
// spelling. Spellings that disagree are a problem, since nobody can know which was meant; for the tenant the
// precedence is documented.
func (d *decoder) choose(name string, keys []string) string {
	best := keys[0]
	switch {
	case slices.Contains(keys, name):
		best = name
	case name == keyTenant && slices.Contains(keys, keyOldTenant):
		best = keyOldTenant
	}
	value := strings.TrimSpace(d.in.Attributes[best])
	for _, key := range keys {
		switch {
		case strings.TrimSpace(d.in.Attributes[key]) == value:
		case best == keyTenant && key == keyOldTenant:
			d.note("parameter %s is ignored: %s is set to something else and comes first", keyOldTenant, keyTenant)
		default:
			d.problem("parameter "+name, "is given twice with different values, as %s and %s", best, key).
				Mend("keep only %s", name)
		}
	}
	if name == keyObjects { // its indentation is meaning
		return d.in.Attributes[best]
	}
	return value
}

func (d *decoder) noteUnknown(key string) {
	switch {
	case key == secretsstore.AttrClass, key == "providerName", key == secretsstore.ParamRotation, secretsstore.Reserved(key): // the driver's
	case containsFold(retired, key):
		d.note("parameter %s has no effect any more and can be removed", key)
	default:
		d.note("parameter %s is not known and has no effect%s", fault.Shorten(key), didYouMean(key, append(parameterNames, secretsstore.ParamRotation)))
	}
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(entry string) bool { return strings.EqualFold(entry, s) })
}
