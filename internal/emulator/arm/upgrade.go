package arm

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// upgrade brings instances of a scale set to its model: the second step that mode Manual asks for.
func (s *Server) upgrade(q request, m *machine) *answer {
	targets, no := m.targets(q.body)
	if no == nil {
		no = m.conflict()
	}
	if no != nil {
		return no
	}
	op := s.begin(q, m, func() *failure {
		for _, i := range targets {
			m.tell(i, m.last.ends.Add(s.config.Propagation))
		}
		return nil
	})
	return op.answers(q, &answer{status: http.StatusAccepted})
}

// targets are the instances a body names: by number, or "*" for all.
func (m *machine) targets(body []byte) ([]*instance, *answer) {
	var given struct {
		InstanceIDs []string `json:"instanceIds"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, badContent("it is not the JSON of instance ids")
	}
	if len(given.InstanceIDs) == 0 {
		return nil, refuse(http.StatusBadRequest, "InvalidParameter", "Required parameter 'instanceIds' is missing (null).")
	}
	var list []*instance
	for _, id := range given.InstanceIDs {
		if id == "*" {
			return m.instances, nil
		}
		i, err := strconv.Atoi(id)
		if err != nil || i < 0 || i >= len(m.instances) {
			return nil, refuse(http.StatusBadRequest, "InvalidParameter", "The provided instanceId %s is not an active Virtual Machine Scale Set VM instanceId.", id)
		}
		list = append(list, m.instances[i])
	}
	return list, nil
}
