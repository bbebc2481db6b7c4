// Package v1 is the protocol by which a plugin registers itself with the kubelet, as generated from registration.proto.
// Whoever changes the .proto runs "go test ./api/pluginregistration/v1 -update"; the same test without the flag fails
// when the committed code and the .proto have parted.
package v1
