package main

import (
	"archive/tar"
	"bytes"
	"debug/pe"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// What the runtime of a Windows node wants of an image; none was there to ask.
func holdHostProcess(t *testing.T, archive, binary string) {
	t.Helper()
	image, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "windows" || config.Architecture != "amd64" || config.OSVersion != "" || !slices.Equal(config.Config.Entrypoint, []string{"strongroom.exe"}) || config.Config.User != "" {
		t.Errorf("config is %+v", config)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 2 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	var names [2][]string
	var program []byte
	for i, layer := range layers {
		entries(t, layer, func(header *tar.Header, content []byte) {
			names[i] = append(names[i], header.Name)
			holdEntry(t, header)
			if header.Name == "Files/strongroom.exe" {
				program = content
			}
		})
	}
	const config1 = "Files/Windows/System32/config"
	if want := []string{"Files", "Files/Windows", "Files/Windows/System32", config1, config1 + "/DEFAULT", config1 + "/SAM", config1 + "/SECURITY", config1 + "/SOFTWARE", config1 + "/SYSTEM", "Files/licenses", "Files/licenses/LICENSE", "Files/licenses/THIRD_PARTY.md"}; !slices.Equal(names[0], want) {
		t.Errorf("the lowest layer has %v", names[0])
	}
	if want := []string{"Files", "Hives", "Files/strongroom.exe"}; !slices.Equal(names[1], want) {
		t.Errorf("the layer of the program has %v", names[1])
	}
	built, err := os.ReadFile(binary)
	if err != nil || !bytes.Equal(built, program) {
		t.Errorf("the layer has another program than %s: %v", binary, err)
	}
	holdPortable(t, program)
}

// Windows makes every entry anew: a directory that is not there yet fails what is in it, and what is there twice fails, too.
func holdEntry(t *testing.T, header *tar.Header) {
	t.Helper()
	attributes := map[byte]string{tar.TypeDir: "16", tar.TypeReg: "32"}[header.Typeflag]
	if got := header.PAXRecords["MSWINDOWS.fileattr"]; got != attributes || attributes == "" {
		t.Errorf("%s has attributes %q", header.Name, got)
	}
	raw, err := base64.StdEncoding.DecodeString(header.PAXRecords["MSWINDOWS.rawsd"])
	if err != nil {
		t.Errorf("%s: %v", header.Name, err)
	}
	flags := ""
	if header.Typeflag == tar.TypeDir {
		flags = "OICI"
	}
	want := fmt.Sprintf("O:S-1-5-32-544 G:S-1-5-32-544 (%[1]s;1f01ff;S-1-5-32-544)(%[1]s;1f01ff;S-1-5-18)(%[1]s;1200a9;S-1-5-32-545)", flags)
	if got := written(t, raw); got != want {
		t.Errorf("%s: %s, not %s", header.Name, got, want)
	}
	if header.ModTime.Unix() != 1700000000 || header.AccessTime.Unix() != 1700000000 || strings.HasSuffix(header.Name, "/") || path.Clean(header.Name) != header.Name {
		t.Errorf("%s of %s, %s", header.Name, header.ModTime, header.AccessTime)
	}
}

func entries(t *testing.T, layer v1.Layer, look func(*tar.Header, []byte)) {
	t.Helper()
	packed, err := layer.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	for read := tar.NewReader(packed); ; {
		header, err := read.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(read)
		if err != nil {
			t.Fatal(err)
		}
		look(header, content)
	}
}

// A program that asked for a library the node lacks would end before its first line.
func holdPortable(t *testing.T, program []byte) {
	t.Helper()
	read, err := pe.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	libraries, err := read.ImportedLibraries()
	if err != nil || read.Machine != pe.IMAGE_FILE_MACHINE_AMD64 || len(libraries) > 1 {
		t.Errorf("machine %x, libraries %v, %v", read.Machine, libraries, err)
	}
}

// written is a descriptor as text, read by its offsets and not by how it was made.
func written(t *testing.T, raw []byte) string {
	t.Helper()
	little := binary.LittleEndian
	account := func(at uint32) string {
		text := fmt.Sprintf("S-%d-%d", raw[at], raw[at+7])
		for i := range uint32(raw[at+1]) {
			text += fmt.Sprintf("-%d", little.Uint32(raw[at+8+4*i:]))
		}
		return text
	}
	if control := little.Uint16(raw[2:]); control != 0x9004 || little.Uint32(raw[12:]) != 0 {
		t.Errorf("control is %x", control)
	}
	text := fmt.Sprintf("O:%s G:%s ", account(little.Uint32(raw[4:])), account(little.Uint32(raw[8:])))
	at := little.Uint32(raw[16:])
	if end := at + uint32(little.Uint16(raw[at+2:])); int(end) != len(raw) {
		t.Errorf("the list ends at %d of %d", end, len(raw))
	}
	count := little.Uint16(raw[at+4:])
	at += 8
	for range count {
		flags := ""
		for bit, name := range []string{"OI", "CI"} {
			if raw[at+1]&(1<<bit) != 0 {
				flags += name
			}
		}
		text += fmt.Sprintf("(%s;%x;%s)", flags, little.Uint32(raw[at+4:]), account(at+8))
		at += uint32(little.Uint16(raw[at+2:]))
	}
	return text
}

// The hive was looked at with hivexsh and reglookup, which read the registry without Windows; what they saw is held here.
func TestEmptyHive(t *testing.T) {
	t.Parallel()
	hive := emptyHive("SOFTWARE", time.Unix(1700000000, 0))
	little := binary.LittleEndian
	var sum uint32
	for at := 0; at < 508; at += 4 {
		sum ^= little.Uint32(hive[at:])
	}
	if string(hive[:4]) != "regf" || little.Uint32(hive[508:]) != sum || little.Uint32(hive[4:]) != little.Uint32(hive[8:]) || len(hive) != 4096+int(little.Uint32(hive[40:])) {
		t.Errorf("the file's own block is\n%s", hex.Dump(hive[:512]))
	}
	if got := time.Unix(int64(little.Uint64(hive[12:])/1e7)-11644473600, 0).Unix(); got != 1700000000 {
		t.Errorf("written at %d", got)
	}
	bin := hive[4096:]
	if string(bin[:4]) != "hbin" || int(little.Uint32(bin[8:])) != len(bin) {
		t.Errorf("the bin begins with %x", bin[:32])
	}
	var kinds []string
	for at := 32; at < len(bin); {
		size := int(int32(little.Uint32(bin[at:])))
		if size == 0 || size%8 != 0 {
			t.Fatalf("a cell of %d bytes at %d", size, at)
		}
		if size > 0 {
			kinds = append(kinds, "free")
			at += size
			continue
		}
		kinds = append(kinds, string(bin[at+4:at+6]))
		at -= size
	}
	if got := strings.Join(kinds, " "); got != "nk sk free" {
		t.Errorf("cells are %s", got)
	}
	key := bin[little.Uint32(hive[36:])+4:]
	security := bin[little.Uint32(key[44:])+4:]
	if string(key[76:76+little.Uint16(key[72:])]) != "SOFTWARE" || string(security[:2]) != "sk" {
		t.Errorf("the root key is %x, its security %x", key[:96], security[:16])
	}
	want := "O:S-1-5-32-544 G:S-1-5-32-544 (CI;f003f;S-1-5-32-544)(CI;f003f;S-1-5-18)(CI;20019;S-1-5-32-545)"
	if got := written(t, security[20:20+little.Uint32(security[16:])]); got != want {
		t.Errorf("it is used by %s", got)
	}
}

func TestPlatforms(t *testing.T) {
	t.Parallel()
	if got, err := platforms("windows/amd64, linux/arm64"); err != nil || !slices.Equal(got, []platform{{"windows", "amd64"}, {"linux", "arm64"}}) {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "amd64", "windows/arm64", "linux/amd64,"} {
		if _, err := platforms(bad); err == nil || !strings.Contains(err.Error(), "linux/amd64 linux/arm64 windows/amd64") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
