package main

import (
	"cmp"
	"slices"
)

// median is the middle one of a list's figures.
func median[T any, F cmp.Ordered](list []T, figure func(T) F) F {
	figures := make([]F, len(list))
	for i, item := range list {
		figures[i] = figure(item)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}
