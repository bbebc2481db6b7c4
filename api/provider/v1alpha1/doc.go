// Package v1alpha1 is the plugin protocol between the Secrets Store CSI Driver and a provider, as generated from
// provider.proto. Whoever changes the .proto runs "go test ./api/provider/v1alpha1 -update"; the same test without the
// flag fails when the committed code and the .proto have parted.
package v1alpha1
