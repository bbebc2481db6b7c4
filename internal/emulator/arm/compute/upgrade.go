package compute

import (
	"encoding/json"
	"net/http"
	"strconv"

	"strongroom/internal/emulator/arm/wire"
)

// upgrade brings instances of a scale set to its model: the second step that mode Manual asks for.
func (s *Server) upgrade(q wire.Request, m *machine) *wire.Answer {
	targets, no := m.targets(q.Body)
	if no == nil {
		no = m.conflict()
	}
	if no != nil {
		return no
	}
	op := s.begin(q, m, func() *wire.Failure {
		for _, i := range targets {
			m.tell(i, m.last.ends.Add(s.config.Propagation))
		}
		return nil
	})
	return op.answers(q, &wire.Answer{Status: http.StatusAccepted})
}

// targets are the instances a body names: by number, or "*" for all.
func (m *machine) targets(body []byte) ([]*instance, *wire.Answer) {
	var given struct {
		InstanceIDs []string `json:"instanceIds"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return nil, wire.BadContent("it is not the JSON of instance ids")
	}
	if len(given.InstanceIDs) == 0 {
		return nil, wire.Refuse(http.StatusBadRequest, "InvalidParameter", "Required parameter 'instanceIds' is missing (null).")
	}
	var list []*instance
	for _, id := range given.InstanceIDs {
		if id == "*" {
			return m.instances, nil
		}
		i, err := strconv.Atoi(id)
		if err != nil || i < 0 || i >= len(m.instances) {
			return nil, wire.Refuse(http.StatusBadRequest, "InvalidParameter", "The provided instanceId %s is not an active Virtual Machine Scale Set VM instanceId.", id)
		}
		list = append(list, m.instances[i])
	}
	return list, nil
}
