package emulator

import (
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/imds"
	"strongroom/internal/emulator/state"
)

// assigned is whom a machine's metadata endpoint speaks for. The resource manager, and through it the directory, is asked
// each time, so that what was assigned or removed counts at once, or after the time the document says.
func (e *Emulator) assigned(node string) imds.Assigned { return imds.Assigned(e.manager.Holding(node)) }

// podBindings is what the host endpoint knows of pods.
type podBindings []state.PodBinding

// boundTo lists the identities of a pod, those bound to it by name before those of its whole namespace.
func (e *Emulator) boundTo(namespace, pod string) []entra.Principal {
	var list []entra.Principal
	for _, name := range []string{pod, "*"} {
		for _, b := range *e.pods.Load() {
			if b.Namespace != namespace || b.Pod != name {
				continue
			}
			if p, known := e.directory.Find(b.Identity); known {
				list = append(list, p)
			}
		}
	}
	return list
}
