package socket_test

import "os/exec"

// asUser is for a test of root's, which there is none of on Windows: its program could not be started.
func asUser(cmd *exec.Cmd, _ uint32) { cmd.Path = "" }
