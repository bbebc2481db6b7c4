package entra_test

import (
	"strings"
	"testing"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/fault"
)

// An application without a service principal is registered, and yet nobody: no token, no principal to be found.
func TestAnApplicationWithoutAServicePrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, clock.NewFake(), nil)
	if err := w.directory.Withdraw(w.web.ClientID); err != nil {
		t.Fatal(err)
	}
	if got := w.send(t, w.secretAsk()); got.Status != 401 || !strings.Contains(got.Description, "AADSTS7000229") {
		t.Errorf("%d %s", got.Status, got.Description)
	}
	for _, ref := range []string{w.web.ClientID, w.web.ObjectID, w.web.RegistrationID} {
		if p, known := w.directory.Find(ref); known {
			t.Errorf("%s is %+v", ref, p)
		}
	}
	if err := w.directory.Withdraw(w.web.ClientID); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a second time: %v", err)
	}
	made, err := w.directory.Enroll(w.web.RegistrationID)
	if err != nil || made.ObjectID == w.web.ObjectID {
		t.Errorf("%+v, %v: the object id is to be a new one", made, err)
	}
	if got := w.send(t, w.secretAsk()); got.Status != 200 {
		t.Errorf("%d %s", got.Status, got.Description)
	}
	if _, err := w.directory.Enroll(w.web.ClientID); fault.KindOf(err) != fault.Busy {
		t.Errorf("a second time: %v", err)
	}
}

// The id of a registration is nobody's: an access policy for it would let no one in, as in Azure.
func TestARegistrationIsNoPrincipal(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	a, err := d.AddApplication(entra.Application{Name: "web", IdentifierURIs: []string{"api://web"}})
	if err != nil {
		t.Fatal(err)
	}
	if p, known := d.Find(a.RegistrationID); known {
		t.Errorf("found %+v", p)
	}
	if got, known := d.Registration(strings.ToUpper(a.RegistrationID)); !known || got.ClientID != a.ClientID {
		t.Errorf("%+v, %t", got, known)
	}
	for name, other := range map[string]entra.Application{
		"the same registration": {Name: "x", RegistrationID: a.RegistrationID},
		"the same URI":          {Name: "x", IdentifierURIs: []string{"api://web"}},
		"an object id":          {Name: "x", ObjectID: a.RegistrationID, Unenrolled: true},
	} {
		if _, err := d.AddApplication(other); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := d.AddApplication(entra.Application{Name: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SetIdentifierURIs(other.ClientID, []string{"api://web"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("somebody else's URI: %v", err)
	}
	if err := d.Rename(other.ClientID, "another"); err != nil {
		t.Error(err)
	}
	if !d.Unregister(other.RegistrationID) || d.Unregister(other.RegistrationID) {
		t.Error("an application goes once")
	}
	if err := d.Rename(other.ClientID, "x"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("gone: %v", err)
	}
}
