package unixsock

import "os"

// recordedUID takes everybody for this user: Windows does not say who connected. Who may open the socket is decided by the
// access list of its directory, and there is no second look here.
func recordedUID(int) (int, error) { return os.Geteuid(), nil }
