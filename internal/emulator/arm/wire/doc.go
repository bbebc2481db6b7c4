// Package wire is what the rooms of the resource manager have in common with their clients: how a request reads once it is
// known who asks, how paths are spelled, and what answers and refusals look like. It holds no state and decides nothing.
package wire
