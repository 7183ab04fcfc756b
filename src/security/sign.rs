//! SigV4 signatures for requests to an upstream.
