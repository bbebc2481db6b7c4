package e2e

import "strings"

// The roles of our programs, and what they are about.
const (
	driverRole        = "ClusterRole secretproviderclasses-role"
	syncRole          = "ClusterRole secretprovidersyncing-role"
	controllerRole    = "ClusterRole strongroom-controller-role"
	controllerOwnRole = "Role strongroom-controller-role"
	micRole           = "ClusterRole aad-pod-id-mic-role"
	micOwnRole        = "Role aad-pod-id-mic-role"
	nmiRole           = "ClusterRole aad-pod-id-nmi-role"
	nmiOwnRole        = "Role aad-pod-id-nmi-role"

	aClass, aStatus  = "secrets-store.csi.x-k8s.io/secretproviderclasses", "secrets-store.csi.x-k8s.io/secretproviderclasspodstatuses"
	aPod, aNode      = "/pods", "/nodes"
	anEvent, aSecret = "/events", "/secrets"
	aLease, aMap     = "coordination.k8s.io/leases", "/configmaps"
	aDaemonSet       = "apps/daemonsets"
	anIdentity       = "aadpodidentity.k8s.io/azureidentities"
	aBinding         = "aadpodidentity.k8s.io/azureidentitybindings"
	anException      = "aadpodidentity.k8s.io/azurepodidentityexceptions"
	anAssigned       = "aadpodidentity.k8s.io/azureassignedidentities"
)

// the is one verb of a role on some resources.
func the(role, verb string, resources ...string) (list []grant) {
	for _, resource := range resources {
		list = append(list, grant{role, resource, verb})
	}
	return list
}

func all(lists ...[]grant) (joined []grant) {
	for _, list := range lists {
		joined = append(joined, list...)
	}
	return joined
}

// everyWatch is a verb that goes with every watch.
func everyWatch(verb string) []grant {
	return all(
		the(driverRole, verb, aClass, aPod), the(syncRole, verb, aSecret),
		the(controllerRole, verb, aClass, aNode, "storage.k8s.io/csinodes"), the(controllerOwnRole, verb, aPod),
		the(micRole, verb, aPod, aNode, anIdentity, aBinding, anAssigned),
		the(nmiRole, verb, aPod, anIdentity, aBinding, anException, anAssigned), the(nmiOwnRole, verb, aDaemonSet),
	)
}

// rounds are the table: what is taken away together, because nothing of it hides the lack of the rest, what needs it, and
// what works again afterwards.
func (l *lacking) rounds() []round {
	of := func(role string) component {
		_, name, _ := strings.Cut(role, " ")
		return components[name]
	}
	driver, controller, mic, nmi := of(driverRole), of(controllerRole), of(micRole), of(nmiRole)
	everybody := []component{driver, controller, mic, nmi}
	return []round{
		{name: "watch", taken: everyWatch("watch"), restarts: everybody},
		{name: "list, and what the driver does without it", taken: all(everyWatch("list"), the(driverRole, "list", aStatus), the(syncRole, "get", aPod)),
			restarts: everybody, needs: func(l *lacking) { l.mount("listless") }, mended: func(l *lacking) { l.mounted("listless") }},
		{name: "get", taken: all(the(driverRole, "get", aClass, "storage.k8s.io/csidrivers"), the(syncRole, "get", aSecret),
			the(controllerRole, "get", aNode), the(micRole, "get", anAssigned), the(nmiRole, "get", aSecret), the(nmiOwnRole, "get", aDaemonSet)),
			begins: (*lacking).bindForGets, restarts: []component{driver}, needs: (*lacking).needGets, mended: (*lacking).gotBack},
		{name: "create", taken: all(the(driverRole, "create", aStatus, anEvent), the(syncRole, "create", aSecret),
			the(controllerRole, "create", anEvent), the(micRole, "create", anEvent, anAssigned)),
			begins: (*lacking).mountTurned, needs: (*lacking).needCreates, mended: (*lacking).created},
		{name: "patch", taken: all(the(driverRole, "patch", aStatus), the(syncRole, "patch", aSecret),
			the(controllerRole, "patch", aClass+"/status", aNode), the(micRole, "patch", "/pods/status", anIdentity, anAssigned)),
			begins: (*lacking).judgeOne, needs: (*lacking).needPatches, mended: (*lacking).patched},
		{name: "patch of events, which counts what happens again", taken: all(the(driverRole, "patch", anEvent), the(controllerRole, "patch", anEvent),
			the(micRole, "patch", anEvent)), begins: (*lacking).tellOnce, needs: (*lacking).tellAgain, mended: (*lacking).counted},
		{name: "update and delete", taken: all(the(micRole, "update", anAssigned), the(micRole, "delete", anAssigned), the(micOwnRole, "update", aMap)),
			begins: func(l *lacking) { l.bound("leaving") }, needs: (*lacking).needUpdates, mended: (*lacking).updated},
		{name: "update of leases", taken: all(the(controllerOwnRole, "update", aLease), the(micOwnRole, "update", aLease)), mended: (*lacking).led},
		{name: "create of leases and of the ledger", taken: all(the(controllerOwnRole, "create", aLease), the(micOwnRole, "create", aMap)),
			needs: func(l *lacking) {
				l.remove(leases, Controller)
				l.remove(configMaps, "strongroom-mic")
				l.bindAnother("ledgerless")
			}, mended: func(l *lacking) { l.assigned("ledgerless"); l.led() }},
		{name: "create of MIC's lease, get of the controller's", taken: all(the(micOwnRole, "create", aLease), the(controllerOwnRole, "get", aLease)),
			restarts: []component{controller}, needs: func(l *lacking) { l.remove(leases, MIC) }, mended: (*lacking).led},
		{name: "get of MIC's lease", taken: the(micOwnRole, "get", aLease), restarts: []component{mic}, mended: (*lacking).led},
		{name: "get of the ledger", taken: the(micOwnRole, "get", aMap), restarts: []component{mic}, mended: (*lacking).led},
	}
}
