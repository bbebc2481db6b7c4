package token_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

// %d in a body is the clock's time in seconds since 1970.
func TestLifetimes(t *testing.T) {
	t.Parallel()
	now := clock.NewFake().Now()
	for name, c := range map[string]struct {
		fields        string
		life, refresh time.Duration
	}{
		"expires_in":                {`"expires_in":3600`, time.Hour, 48 * time.Minute},
		"in quotes":                 {`"expires_in":"3600"`, time.Hour, 48 * time.Minute},
		"with a fraction":           {`"expires_in":3600.0`, time.Hour, 48 * time.Minute},
		"expires_on":                {fmt.Sprintf(`"expires_on":%d`, now.Unix()+3600), time.Hour, 48 * time.Minute},
		"expires_on in quotes":      {fmt.Sprintf(`"expires_on":"%d"`, now.Unix()+3600), time.Hour, 48 * time.Minute},
		"expires_on, a date":        {`"expires_on":"2030-01-02T04:04:05Z"`, time.Hour, 48 * time.Minute},
		"expires_on, American":      {`"expires_on":"01/02/2030 04:04:05"`, time.Hour, 48 * time.Minute},
		"expires_on, plain":         {`"expires_on":"2030-01-02 04:04:05"`, time.Hour, 48 * time.Minute},
		"the shorter counts":        {fmt.Sprintf(`"expires_in":"86400","expires_on":"%d"`, now.Unix()+3600), time.Hour, 48 * time.Minute},
		"a clock that differs":      {fmt.Sprintf(`"expires_in":"3600","expires_on":"%d"`, now.Unix()-60), time.Hour, 48 * time.Minute},
		"long: half":                {`"expires_in":86400`, 24 * time.Hour, 12 * time.Hour},
		"just two hours":            {`"expires_in":7200`, 2 * time.Hour, 96 * time.Minute},
		"refresh_in":                {`"expires_in":86400,"refresh_in":43100`, 24 * time.Hour, 43100 * time.Second},
		"refresh_in beyond life":    {`"expires_in":60,"refresh_in":"3600"`, time.Minute, time.Minute},
		"refresh_in nonsense":       {`"expires_in":100,"refresh_in":-1`, 100 * time.Second, 80 * time.Second},
		"refresh_on":                {fmt.Sprintf(`"expires_in":3600,"refresh_on":"%d"`, now.Unix()+1000), time.Hour, 1000 * time.Second},
		"refresh_on in the past":    {fmt.Sprintf(`"expires_in":3600,"refresh_on":%d`, now.Unix()-1000), time.Hour, 48 * time.Minute},
		"not believed for ever":     {`"expires_in":9e18`, 7 * 24 * time.Hour, 84 * time.Hour},
		"expires_on in ms is none":  {fmt.Sprintf(`"expires_in":3600,"expires_on":%d`, (now.Unix()+3600)*1000), time.Hour, 48 * time.Minute},
		"an empty expires_on":       {`"expires_in":"3600","expires_on":""`, time.Hour, 48 * time.Minute},
		"other fields do not count": {`"expires_in":"3600","not_before":"","refresh_token":"","resource":"x"`, time.Hour, 48 * time.Minute},
	} {
		s := plain(t, says(200, `{"access_token":"the.access.token",`+c.fields+`}`))
		client, _ := newClient(t, nil, s)
		got, err := client.Managed(t.Context(), target(s))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if life, refresh := got.ExpiresOn.Sub(now), got.RefreshOn.Sub(now); life != c.life || refresh != c.refresh {
			t.Errorf("%s: life %s, refresh %s", name, life, refresh)
		}
	}
}

func TestSuccessesThatAreNone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		``:                                      "not the JSON of a token",
		`<html>sign in</html>`:                  "not the JSON of a token",
		`{"access_token":`:                      "not the JSON of a token",
		`{"access_token":["x"]}`:                "not the JSON of a token",
		`[]`:                                    "not the JSON of a token",
		`{}`:                                    "no access token",
		`null`:                                  "no access token",
		`{"access_token":"","expires_in":3600}`: "no access token",
		`{"access_token":"a\nb","expires_in":3600}`:                         "no access token",
		`{"access_token":"hidden.token"}`:                                   "when the token expires",
		`{"access_token":"hidden.token","expires_in":"soon"}`:               "when the token expires",
		`{"access_token":"hidden.token","expires_in":"NaN"}`:                "when the token expires",
		`{"access_token":"hidden.token","expires_in":{"a":1}}`:              "when the token expires",
		`{"access_token":"hidden.token","expires_in":0}`:                    "expired already",
		`{"access_token":"hidden.token","expires_on":"1506484173"}`:         "expired already",
		`{"access_token":"hidden.token","expires_in":1,"token_type":"pop"}`: "no bearer token",
	} {
		s := plain(t, says(200, body))
		client, _ := newClient(t, nil, s)
		_, err := client.Managed(t.Context(), target(s))
		if fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", body, err)
		}
		if text := fmt.Sprintf("%s %+v", fault.Explain(err), err); strings.Contains(text, "hidden") {
			t.Errorf("%s: the error holds the token: %s", body, text)
		}
	}
}
