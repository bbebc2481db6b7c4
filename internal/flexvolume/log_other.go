//go:build !unix

package flexvolume

const noFollow = 0
