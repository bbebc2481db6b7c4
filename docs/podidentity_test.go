package docs_test

import (
	"encoding/json"
	"fmt"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/podid/match"
)

// judgePodIdentity has the reader of MIC and NMI say what it finds: an identity that can be used, a binding that selects.
func judgePodIdentity(kind string, document map[string]any) error {
	raw, err := json.Marshal(document)
	if err != nil {
		return err
	}
	switch kind {
	case aadpodidentity.KindIdentity:
		identity, err := aadpodidentity.DecodeIdentity(raw)
		if err == nil {
			_, err = match.Usable(&identity)
		}
		return err
	case aadpodidentity.KindBinding:
		binding, err := aadpodidentity.DecodeBinding(raw)
		if err == nil && (binding.AzureIdentity == "" || binding.Selector == "") {
			err = fmt.Errorf("the binding %s selects nothing", binding.Name)
		}
		return err
	}
	_, err = aadpodidentity.DecodeException(raw)
	return err
}
