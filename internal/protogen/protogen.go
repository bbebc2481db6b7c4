// Package protogen keeps the code generated from a .proto and the .proto itself together: a test of each package under
// api calls Settle. Neither protoc nor anything else needs to be installed.
package protogen

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugins are the generators, at the versions go.mod pins, and what each is told.
var plugins = map[string]string{
	"protoc-gen-go":      "paths=source_relative",
	"protoc-gen-go-grpc": "paths=source_relative",
}

// Settle compiles the .proto at a path from the module's root and runs the generators. It compares what they give with
// the files beside the running test, or writes those when update is true. The test's directory is three below the root.
func Settle(t *testing.T, source string, update bool) {
	t.Helper()
	file := compile(t, source)
	for plugin, parameter := range plugins {
		for _, out := range generate(t, plugin, parameter, file) {
			settle(t, source, path.Base(out.GetName()), []byte(out.GetContent()), update)
		}
	}
}

// compile parses a .proto with its comments, which become the Go comments.
func compile(t *testing.T, name string) *descriptorpb.FileDescriptorProto {
	t.Helper()
	compiler := protocompile.Compiler{
		Resolver:       &protocompile.SourceResolver{ImportPaths: []string{"../../.."}},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return protoutil.ProtoFromFileDescriptor(files[0])
}

// generate speaks the protoc plugin protocol: a request on stdin, files on stdout.
func generate(t *testing.T, plugin, parameter string, file *descriptorpb.FileDescriptorProto) []*pluginpb.CodeGeneratorResponse_File {
	t.Helper()
	in, err := proto.Marshal(&pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{file.GetName()},
		Parameter:      proto.String(parameter),
		ProtoFile:      []*descriptorpb.FileDescriptorProto{file},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "tool", plugin)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", plugin, err, stderr.Bytes())
	}
	var answer pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != nil {
		t.Fatalf("%s: %s", plugin, answer.GetError())
	}
	return answer.GetFile()
}

// settle writes or compares one generated file.
func settle(t *testing.T, source, name string, want []byte, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what %s says; run: go test ./%s -update", name, path.Base(source), path.Dir(source))
	}
}
