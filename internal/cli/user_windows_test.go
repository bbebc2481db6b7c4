package cli_test

import "errors"

// becomeSomebodyElse is for a process of root's, which there is none of on Windows.
func becomeSomebodyElse() error { return errors.ErrUnsupported }
