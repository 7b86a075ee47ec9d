package dodo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

func Example() {
	s, err := dodo.New(dodo.Options{Seed: 1, Counts: dodo.Scaled(5000)})
	if err != nil {
		fmt.Println(err)
		return
	}
	api := httptest.NewServer(s)
	defer api.Close()

	// The second request fails.
	if err := s.Inject(sandbox.Fault{Path: "/payments", Nth: 2, Kind: sandbox.FaultStatus, Status: 503}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		req, err := http.NewRequest("GET", api.URL+"/payments?page_number=49&page_size=100", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.Header.Set("Authorization", "Bearer sandbox_test_key")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		var page struct{ Items []json.RawMessage }
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			fmt.Println(err)
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, len(page.Items))
	}
	fmt.Println(s.Counters().Routes["GET /payments"].Requests)
	// Output:
	// 200 100
	// 503 0
	// 2
}
