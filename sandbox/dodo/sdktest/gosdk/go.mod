module github.com/synclinehq/syncline/sandbox/dodo/sdktest/gosdk

go 1.26.0

require github.com/dodopayments/dodopayments-go v1.113.0

require (
	github.com/standard-webhooks/standard-webhooks/libraries v0.0.1 // indirect
	github.com/tidwall/gjson v1.14.4 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/tidwall/sjson v1.2.5 // indirect
)
