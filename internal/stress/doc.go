// Package stress is a cluster in bad weather: two hundred nodes with the product's own rooms (publish, volume, the Azure
// provider, share) and one emulated vault that has Azure's published limits, through restarts, throttling, outages, slow
// authorities, broken answers, clocks that jump and keys that rotate. It counts what each of these costs, looks into
// every file, and says what was not as promised. `make stress` writes the outcome into docs/reliability.md.
//
// Time is not the machine's: Storm runs in a bubble of testing/synctest, where every timer, deadline and latency belongs
// to one clock that moves on when everybody waits. Two hours pass in minutes, a round trip takes its 20 ms however
// busy the machine is, and counts do not depend on it. What is left out of a node is what has other tests: the two
// sockets, the connections to Azure, and the watches of the cluster.
package stress
