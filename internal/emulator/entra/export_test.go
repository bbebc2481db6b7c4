package entra

// ShareKey makes d sign with the key of another directory: most tests do not care whose key it is, and making one takes
// longer than all else they do.
func (d *Directory) ShareKey(other *Directory) { d.key = other.key }
