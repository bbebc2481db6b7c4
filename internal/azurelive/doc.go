// Package azurelive runs the identity and mount tests against a real vault, for whoever has one: "make azure-live". It
// holds tests only, behind the build tag azurelive; nothing in it runs otherwise. They read, and write nothing in Azure.
//
// The settings are environment variables, listed by the run itself when one is missing. With STRONGROOM_LIVE_REHEARSE=1
// ("make azure-live-rehearsal") the same tests run against the emulator, which shows that they would work, and not that
// Azure does.
package azurelive
