package v1_test

import (
	"flag"
	"testing"

	"strongroom/internal/protogen"
)

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// source is the .proto's path from the module's root. Programs know the file by this name, so it has to be unlikely
// elsewhere: two files of one name cannot be linked into one program.
const source = "api/pluginregistration/v1/registration.proto"

func TestGenerated(t *testing.T) {
	t.Parallel()
	protogen.Settle(t, source, *update)
}
