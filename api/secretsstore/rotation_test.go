package secretsstore_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

func TestRotationOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parameters map[string]string
		want       time.Duration
		wrong      string
	}{
		"not stated":        {map[string]string{"keyvaultName": "kv"}, 0, ""},
		"empty":             {map[string]string{"rotationPollInterval": " "}, 0, ""},
		"a duration":        {map[string]string{"rotationPollInterval": " 30s "}, 30 * time.Second, ""},
		"in any case":       {map[string]string{"ROTATIONpollinterval": "1h30m"}, 90 * time.Minute, ""},
		"the shortest":      {map[string]string{"rotationPollInterval": "5s"}, 5 * time.Second, ""},
		"the longest":       {map[string]string{"rotationPollInterval": "24h"}, 24 * time.Hour, ""},
		"twice the same":    {map[string]string{"rotationPollInterval": "30s", "rotationpollinterval": "30s"}, 30 * time.Second, ""},
		"twice":             {map[string]string{"rotationPollInterval": "30s", "rotationpollinterval": "31s"}, 0, "given twice"},
		"no duration":       {map[string]string{"rotationPollInterval": "often"}, 0, `is not a duration: "often"`},
		"a bare number":     {map[string]string{"rotationPollInterval": "30"}, 0, "is not a duration"},
		"off":               {map[string]string{"rotationPollInterval": "off"}, 0, "is not a duration"},
		"nothing":           {map[string]string{"rotationPollInterval": "0"}, 0, "is not between 5s and 24h"},
		"too often":         {map[string]string{"rotationPollInterval": "4999ms"}, 0, "is not between"},
		"too seldom":        {map[string]string{"rotationPollInterval": "24h1ns"}, 0, "is not between"},
		"backwards":         {map[string]string{"rotationPollInterval": "-30s"}, 0, "is not between"},
		"a text of a novel": {map[string]string{"rotationPollInterval": strings.Repeat("x", 1<<20)}, 0, "is not a duration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stated, err := secretsstore.RotationOf(test.parameters)
			if test.wrong == "" {
				if err != nil || got != test.want || stated != (test.want != 0) {
					t.Errorf("got %s, %v, %v", got, stated, err)
				}
				return
			}
			if fault.KindOf(err) != fault.Invalid || err == nil || !strings.Contains(err.Error(), test.wrong) || len(fault.Remedies(err)) == 0 || len(err.Error()) > 300 {
				t.Errorf("got %v", err)
			}
		})
	}
}
