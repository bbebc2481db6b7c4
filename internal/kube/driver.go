package kube

import (
	"context"
	"net/http"
)

// Driver is what a CSIDriver object says of one driver.
type Driver struct {
	Labels, Annotations map[string]string
	// RequiresRepublish is true when the kubelet asks for the volume again and again, which is what brings new tokens.
	RequiresRepublish bool
	// TokenAudiences are the audiences of the service account tokens the kubelet sends along.
	TokenAudiences []string
}

// Driver reads the CSIDriver of that name. One that does not exist is a NotFound fault.
func (c *Client) Driver(ctx context.Context, name string) (Driver, error) {
	var object struct {
		Metadata metadata `json:"metadata"`
		Spec     struct {
			RequiresRepublish bool `json:"requiresRepublish"`
			TokenRequests     []struct {
				Audience string `json:"audience"`
			} `json:"tokenRequests"`
		} `json:"spec"`
	}
	if err := c.answered(ctx, call{verb: http.MethodGet, path: csiDrivers.at("", name)}, &object); err != nil {
		return Driver{}, err
	}
	d := Driver{
		Labels: object.Metadata.Labels, Annotations: object.Metadata.Annotations,
		RequiresRepublish: object.Spec.RequiresRepublish,
	}
	for _, request := range object.Spec.TokenRequests {
		d.TokenAudiences = append(d.TokenAudiences, request.Audience)
	}
	return d, nil
}
