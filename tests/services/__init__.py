"""Real servers for the tests: PostGIS and Redis, a Ceph gateway, and the whole product."""
