#include "httpd/head_meter.h"

bool head_meter_add(struct head_meter *m, const char *data, size_t len)
{
	for (size_t i = 0; i < len && !m->is_complete; i++) {
		m->bytes++;
		if (data[i] == '\n') {
			m->is_complete = m->at_line_start;
			m->at_line_start = true;
		} else if (data[i] != '\r') {
			m->at_line_start = false;
		}
	}
	return m->bytes <= HEAD_MAX;
}
