package main

import (
	"encoding/base64"
	"path"
	"time"
)

/*
A Windows image is no file system but what the runtime makes one of: the tree stands under Files, beside Hives with the
changes of the registry, and what Windows knows of a file and tar does not is in records of the vendor's own.

The lowest layer of an ordinary Windows image is a whole Windows, of the node's own version. That of a HostProcess image is
not, for such a container runs in the node's own. Only, Windows takes no lowest layer without the five hives of a registry,
and newer ones look into them. So the lowest layer is those, with nothing in them, and the program is the second.
*/

// registry are the hives that Windows looks for in the lowest layer.
var registry = []string{"DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"}

// foundation is the lowest layer, with the licences in it. A directory comes before what is in it, and Hives is the
// runtime's to make here.
func foundation(made time.Time, own, others []byte) []file {
	files := directories("Files", "Files/Windows", "Files/Windows/System32", "Files/Windows/System32/config")
	for _, name := range registry {
		files = append(files, windowsFile(path.Join("Files/Windows/System32/config", name), emptyHive(name, made)))
	}
	files = append(files, directories("Files/licenses")...)
	return append(files, windowsFile("Files/licenses/LICENSE", own), windowsFile("Files/licenses/THIRD_PARTY.md", others))
}

// onWindows is the layer with the program.
func onWindows(program []byte) []file {
	return append(directories("Files", "Hives"), windowsFile("Files/strongroom.exe", program))
}

// Attributes of a file, from winnt.h.
const (
	attributeDirectory = "16"
	attributeArchive   = "32"
)

func directories(names ...string) (files []file) {
	for _, name := range names {
		files = append(files, file{path: name, mode: 0o755, directory: true, records: records(attributeDirectory, inherited)})
	}
	return files
}

func windowsFile(name string, content []byte) file {
	return file{path: name, mode: 0o755, content: content, records: records(attributeArchive, 0)}
}

// records are what the runtime restores a file's attributes and permissions from. Administrators and the system may do
// everything; everybody else on the node, a provider that runs as a lesser account above all, may read and execute.
func records(attributes string, flags byte) map[string]string {
	descriptor := securityDescriptor(
		entry{flags, allOfFile, administrators}, entry{flags, allOfFile, system}, entry{flags, readAndExecute, users},
	)
	return map[string]string{
		"MSWINDOWS.fileattr": attributes,
		"MSWINDOWS.rawsd":    base64.StdEncoding.EncodeToString(descriptor),
	}
}
