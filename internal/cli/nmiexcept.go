package cli

import (
	"strings"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/podid/nmi"
)

// excepting are the cluster's exceptions and those that the operator has given NMI itself. The latter need no object that
// somebody has to make first: they are for pods without which nothing works, such as MIC.
type excepting struct {
	watched nmi.Exceptions
	own     []aadpodidentity.Exception
}

// Synced implements nmi.Exceptions.
func (e excepting) Synced() bool { return e.watched.Synced() }

// Exceptions implements nmi.Exceptions.
func (e excepting) Exceptions() []aadpodidentity.Exception {
	watched := e.watched.Exceptions()
	if len(watched) == 0 {
		return e.own
	}
	return append(watched[:len(watched):len(watched)], e.own...)
}

// exceptions are those that are watched, with those of --except.
func (c *nmiConfig) exceptions(watched nmi.Exceptions) nmi.Exceptions {
	own, _ := exceptionsOf(c.Except) // check has refused what cannot be read
	if len(own) == 0 {
		return watched
	}
	return excepting{watched, own}
}

func (c *nmiConfig) exceptErr() error {
	_, err := exceptionsOf(c.Except)
	return err
}

// exceptionsOf reads namespace/label=value, where the label's key may have a slash of its own.
func exceptionsOf(text string) (list []aadpodidentity.Exception, err error) {
	for _, one := range listed(text) {
		namespace, label, _ := strings.Cut(one, "/")
		key, value, found := strings.Cut(label, "=")
		if namespace == "" || key == "" || !found {
			return nil, fault.New(fault.Invalid, "--except", "%q is not namespace/label=value", one)
		}
		list = append(list, aadpodidentity.Exception{
			Meta: aadpodidentity.Meta{Namespace: namespace, Name: "--except"}, PodLabels: map[string]string{key: value},
		})
	}
	return list, nil
}
