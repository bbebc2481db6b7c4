package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
)

// Read lists those that there are now, of the node or of the cluster, without a watch. One whose spec cannot be read is
// among them with its metadata, which is enough to delete it.
func (s *AssignedIdentities) Read(ctx context.Context) (list []aadpodidentity.AssignedIdentity, err error) {
	params := map[string]string{"limit": strconv.FormatInt(manyPage, 10)}
	if s.watch.source.labels != "" {
		params["labelSelector"] = s.watch.source.labels
	}
	for {
		var page struct {
			Metadata struct {
				Continue string `json:"continue"`
			} `json:"metadata"`
			Items []json.RawMessage `json:"items"`
		}
		r := call{verb: http.MethodGet, path: assignedIdentities.at("", ""), params: params}
		if err := s.client.answered(ctx, r, &page); err != nil {
			return nil, err
		}
		for _, raw := range page.Items {
			item, wrong := aadpodidentity.DecodeAssignedIdentity(raw)
			if item.Name == "" {
				return nil, fault.Wrap(wrong, fault.Unavailable, "API server", "its answer cannot be read")
			}
			list = append(list, item)
		}
		if page.Metadata.Continue == "" {
			return list, nil
		}
		params["continue"] = page.Metadata.Continue
	}
}
