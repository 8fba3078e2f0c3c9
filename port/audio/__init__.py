"""Legacy audio front ends, one function per rule; reading order is decode, resample, mel."""
