// Package clusters is managed clusters as far as people read them: which identities and which issuer one has. There is no
// cluster behind them, and nothing of one can be changed.
package clusters
