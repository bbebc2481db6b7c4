// Package az has no program: its tests run the unmodified Azure CLI against the emulator, in a network where Azure's public
// names lead there and nothing leads anywhere else. They run every block of commands of docs/azure-setup.md as it stands,
// and the commands of the manuals that people come with, and look after each whether it had the effect.
package az
