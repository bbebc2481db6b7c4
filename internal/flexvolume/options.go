package flexvolume

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"strongroom/internal/fault"
)

// Names of the options, in the lower case that the original took alone.
const (
	optVault        = "keyvaultname"
	optNames        = "keyvaultobjectnames"
	optTypes        = "keyvaultobjecttypes"
	optVersions     = "keyvaultobjectversions"
	optAliases      = "keyvaultobjectaliases"
	optOldName      = "keyvaultobjectname"
	optOldType      = "keyvaultobjecttype"
	optOldVersion   = "keyvaultobjectversion"
	optTenant       = "tenantid"
	optCloud        = "cloudname"
	optPodIdentity  = "usepodidentity"
	optNodeIdentity = "usevmmanagedidentity"
	optNodeClient   = "vmmanagedidentityclientid"
	optNMIPort      = "nmiport"
	optKeyFormat    = "keyformat"      // ours
	optCertFormat   = "certformat"     // ours
	optPermission   = "filepermission" // ours
)

var optionNames = []string{
	optVault, optNames, optTypes, optVersions, optAliases, optOldName, optOldType, optOldVersion, optTenant, optCloud,
	optPodIdentity, optNodeIdentity, optNodeClient, optNMIPort, optKeyFormat, optCertFormat, optPermission,
}

// retired are options of the original's first versions, which many manifests still carry.
var retired = []string{"resourcegroup", "subscriptionid"}

// kubelets begins the keys that are the kubelet's alone: the API server refuses a pod whose options hold one.
const kubelets = "kubernetes.io/"

// decodeOptions takes the kubelet's text apart. Nothing of it is repeated in an error: it holds credentials.
func decodeOptions(text []byte) (map[string]string, error) {
	var options map[string]string
	if json.Unmarshal(text, &options) != nil || options == nil {
		return nil, fault.New(fault.Invalid, "options", "they are not a JSON object whose values are strings").
			Mend("put numbers and true or false into quotes")
	}
	return options, nil
}

// reader reads options and gathers problems and notes.
type reader struct {
	options  map[string]string // by lower-case name, trimmed; the kubelet's as they are
	problems fault.List
	notes    []string
}

// newReader folds the case of what a pod's author wrote. Two spellings that disagree are a problem, since nobody can know
// which one was meant.
func newReader(options map[string]string) *reader {
	r := &reader{options: make(map[string]string, len(options))}
	for _, key := range slices.Sorted(maps.Keys(options)) {
		name, value := strings.ToLower(key), strings.TrimSpace(options[key])
		switch {
		case strings.HasPrefix(key, kubelets):
			name, value = key, options[key]
		case strings.HasPrefix(name, kubelets):
			r.note("option " + fault.Shorten(key) + " is not the kubelet's and has no effect")
			continue
		}
		if known, twice := r.options[name]; twice && known != value {
			r.wrong(name, "is given twice, in different case and with different values").Mend("keep only %s", name)
		}
		r.options[name] = value
		r.noteUnknown(name)
	}
	return r
}

func (r *reader) noteUnknown(name string) {
	switch {
	case strings.HasPrefix(name, kubelets), slices.Contains(optionNames, name):
	case slices.Contains(retired, name):
		r.note("option " + name + " has no effect any more")
	default:
		r.note("option " + fault.Shorten(name) + " is not known and has no effect")
	}
}

func (r *reader) note(text string) {
	const most = 20
	if len(r.notes) < most {
		r.notes = append(r.notes, text)
	}
}

// wrong records one problem and gives it back for a remedy.
func (r *reader) wrong(option, format string, args ...any) *fault.Error {
	e := fault.New(fault.Invalid, "option "+fault.Shorten(option), format, args...)
	r.problems = append(r.problems, e)
	return e
}

// required is an option that must be there, refused in the words that people have searched for since the original.
func (r *reader) required(name, example string) string {
	value := r.options[name]
	if value == "" {
		r.empty(name).Mend("%s: %q", name, example)
	}
	return value
}

func (r *reader) empty(name string) *fault.Error {
	e := fault.New(fault.Invalid, "", "validation failed, %s is empty", name)
	r.problems = append(r.problems, e)
	return e
}

// oneOf is an option that takes few values, in any case; the first is what its absence means.
func (r *reader) oneOf(name string, values ...string) string {
	text := r.options[name]
	if text == "" {
		return values[0]
	}
	for _, value := range values {
		if strings.EqualFold(text, value) {
			return value
		}
	}
	r.wrong(name, "%q is neither %s", fault.Shorten(text), strings.Join(values, " nor ")).Mend("%s: %q", name, values[0])
	return values[0]
}
