"""One flat row a measured point: schema, writing, loading."""
