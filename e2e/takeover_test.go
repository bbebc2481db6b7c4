package e2e

import "testing"

// Taking over from the replaced driver's chart with pods running, and going back, as docs/migrate-from-upstream.md has it:
// pods keep their files all the time; volumes in that driver's layout are adopted as they lie, rotated and unmounted; its
// objects for pods are taken over and its CRDs brought up to date; and nothing we leave is in its way.
func TestRunningPodsPassFromTheReplacedDriverToOursAndBack(t *testing.T) {
	longForm(t)
	t.Parallel()
	InstallNothing(t)
	UpstreamCRDs(t)
	installUpstream(t)
	theirs := NewUpstream(t, map[string]string{"secret1": "one"})
	theirs.Serve(t)
	m := newMove(t)
	if err := TryInstall(t); err == nil || !holdsAll(err.Error(), []string{"helm uninstall csi-secrets-store --namespace kube-system"}) {
		t.Fatalf("installed beside the other driver, or refused without saying what to do: %v", err)
	}

	theirs.Kill(t)
	uninstallUpstream(t)
	Upgrade(t)
	if err := columns(t); err != nil {
		t.Error(err)
	}
	m.adopted(t)
	m.watcher.Allow("two")
	version := m.vault.Set(t, "secret1", "two")
	m.reach(t, "two")
	m.status(t, m.pods[1], version)
	m.leave(t, m.pods[0])
	m.come(t, Run(t, Pod(m.ns, "newcomer", Mounting("class"))))

	Uninstall(t)
	installUpstream(t)
	again := NewUpstream(t, map[string]string{"secret1": "three"})
	m.watcher.Allow("three")
	again.Serve(t)
	m.reach(t, "three")
	for _, p := range m.pods {
		m.leave(t, p)
	}
	m.watcher.Stop()
}
