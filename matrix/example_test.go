package matrix_test

import (
	"fmt"

	"github.com/netconform/netconform/matrix"
)

func Example() {
	m, err := matrix.Parse("shop.yaml", []byte(`
matrix: shop
externals:
  clients: {}
services:
  web: {ports: [8080], from: [clients], to: [db]}
  db: {ports: [5432], from: [web], to: []}
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range m.Expand() {
		fmt.Println(c.Expected, c.Key(), c.Pos)
	}
	// Output:
	// deny db->web:8080/tcp shop.yaml:6:3
	// allow clients->web:8080/tcp shop.yaml:6:31
	// allow web->db:5432/tcp shop.yaml:7:30
	// deny clients->db:5432/tcp shop.yaml:7:3
	// allow web->db/dns shop.yaml:7:30
}

func ExampleParse_problems() {
	_, err := matrix.Parse("shop.yaml", []byte(`
matrix: shop
services:
  web: {ports: [0100], from: [bd]}
  db: {ports: [5432], form: [web]}
`))
	fmt.Println(err)
	// Output:
	// shop.yaml:4:17: "0100" is no port; write 5432, "53/udp", "8000-8010" or {name: http, port: 80}
	// shop.yaml:4:31: unknown peer "bd"; did you mean "db"?
	// shop.yaml:5:23: unknown field "form" in "db"; did you mean "from"?
}
