BEGIN TRANSACTION;
CREATE TABLE assessments (
	id INTEGER NOT NULL, 
	sop_instance_uid VARCHAR(64) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	content JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(sop_instance_uid) REFERENCES instances (sop_instance_uid)
);
INSERT INTO "assessments" VALUES(1,'1.2.5.1','ok','{"sop_instance_uid": "1.2.5.1", "status": "ok", "model": {"name": "tiny", "version": "1", "weights_sha256": "abababababababababababababababababababababababababababababababab"}, "findings": [{"code": "pneumonia", "label": "Pneumonia", "probability": 0.9, "operating_point": 0.5, "exploratory": false}], "messages": ["a reason"], "answer": null, "conformal_set": [], "error_rate": null, "disagreement": null, "probabilities": []}','2026-11-23 12:00:00.000000');
INSERT INTO "assessments" VALUES(2,'1.2.5.2','ok','{"sop_instance_uid": "1.2.5.2", "status": "ok", "model": {"name": "tiny", "version": "1", "weights_sha256": "abababababababababababababababababababababababababababababababab"}, "findings": [{"code": "pneumonia", "label": "Pneumonia", "probability": 0.9, "operating_point": 0.5, "exploratory": false}], "messages": ["a reason"], "answer": null, "conformal_set": [], "error_rate": null, "disagreement": null, "probabilities": []}','2026-11-23 12:00:00.000000');
CREATE TABLE instances (
	sop_instance_uid VARCHAR(64) NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	position INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	header JSON NOT NULL, 
	PRIMARY KEY (sop_instance_uid), 
	FOREIGN KEY(study_instance_uid) REFERENCES studies (study_instance_uid)
);
INSERT INTO "instances" VALUES('1.2.5.1','1.2.3',0,'34088c9357d2c4eaa222b62581da91e32f112ca1786a6b89f41bc6fbe161a3b4','{"identity": {"study_instance_uid": "1.2.3", "series_instance_uid": "1.2.4", "sop_instance_uid": "1.2.5.1", "sop_class_uid": "1.2", "transfer_syntax_uid": "1.2.840", "sha256": "34088c9357d2c4eaa222b62581da91e32f112ca1786a6b89f41bc6fbe161a3b4"}, "patient": {"name": "DOE^JANE", "patient_id": "42", "birth_date": "20220101", "sex": "F", "age_years": 4.0}, "acquisition": {"modality": "DX", "body_part": "", "view_position": "", "laterality": "", "patient_orientation": [], "study_date": "20260101", "study_time": "", "study_description": "", "series_description": "", "accession_number": "", "manufacturer": "", "station_name": "", "synthetic": false}, "geometry": {"rows": 10, "columns": 20, "frames": 1, "samples_per_pixel": 1, "photometric_interpretation": "MONOCHROME1", "bits_stored": 12, "pixel_spacing": [0.1, 0.1], "pixel_spacing_source": "PixelSpacing"}, "voi_presets": [], "source": "dicom", "file_name": ""}');
INSERT INTO "instances" VALUES('1.2.5.2','1.2.6',0,'ca95782f6b46d322635fc28a07d3d3136f43e9d549c2a62795adc76117ae9dc1','{"identity": {"study_instance_uid": "1.2.6", "series_instance_uid": "1.2.4", "sop_instance_uid": "1.2.5.2", "sop_class_uid": "1.2", "transfer_syntax_uid": "1.2.840", "sha256": "ca95782f6b46d322635fc28a07d3d3136f43e9d549c2a62795adc76117ae9dc1"}, "patient": {"name": "DOE^JANE", "patient_id": "42", "birth_date": "20220101", "sex": "F", "age_years": 4.0}, "acquisition": {"modality": "DX", "body_part": "", "view_position": "", "laterality": "", "patient_orientation": [], "study_date": "20260102", "study_time": "", "study_description": "", "series_description": "", "accession_number": "", "manufacturer": "", "station_name": "", "synthetic": false}, "geometry": {"rows": 10, "columns": 20, "frames": 1, "samples_per_pixel": 1, "photometric_interpretation": "MONOCHROME1", "bits_stored": 12, "pixel_spacing": [0.1, 0.1], "pixel_spacing_source": "PixelSpacing"}, "voi_presets": [], "source": "dicom", "file_name": ""}');
CREATE TABLE job_files (
	job_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	file_name TEXT NOT NULL, 
	status VARCHAR(16), 
	sha256 VARCHAR(64) NOT NULL, 
	message TEXT NOT NULL, 
	study_instance_uid VARCHAR(64) NOT NULL, 
	sop_instance_uid VARCHAR(64) NOT NULL, 
	PRIMARY KEY (job_id, position), 
	FOREIGN KEY(job_id) REFERENCES jobs (job_id)
);
INSERT INTO "job_files" VALUES('8dc7138b-78d1-4049-9d88-542eacbd155e',0,'a.dcm',NULL,'80cfa3e7f28dde4df64436b652230aff28d7779116d1369c21ef2bbf37261d71','','','');
CREATE TABLE jobs (
	job_id VARCHAR(36) NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (job_id)
);
INSERT INTO "jobs" VALUES('8dc7138b-78d1-4049-9d88-542eacbd155e','2026-11-23 23:27:37.018017');
CREATE TABLE reviews (
	study_instance_uid VARCHAR(64) NOT NULL, 
	version INTEGER NOT NULL, 
	content JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	PRIMARY KEY (study_instance_uid, version), 
	FOREIGN KEY(study_instance_uid) REFERENCES studies (study_instance_uid)
);
INSERT INTO "reviews" VALUES('1.2.3',1,'{"study_instance_uid": "1.2.3", "call": "overruled", "finding_code": "pneumonia", "finding_present": false, "note": "clear", "reader": "Dr A", "signed": false, "version": 1}','2026-11-23 23:27:37.000914');
INSERT INTO "reviews" VALUES('1.2.3',2,'{"study_instance_uid": "1.2.3", "call": "accepted", "finding_code": "pneumonia", "finding_present": true, "note": "", "reader": "Dr A", "signed": true, "version": 2}','2026-11-23 23:27:37.011235');
CREATE TABLE schema (
	version INTEGER NOT NULL, 
	PRIMARY KEY (version)
);
INSERT INTO "schema" VALUES(1);
CREATE TABLE studies (
	study_instance_uid VARCHAR(64) NOT NULL, 
	received_at DATETIME NOT NULL, 
	PRIMARY KEY (study_instance_uid)
);
INSERT INTO "studies" VALUES('1.2.3','2026-11-23 23:27:36.968888');
INSERT INTO "studies" VALUES('1.2.6','2026-11-23 23:27:36.987996');
CREATE INDEX ix_job_files_status ON job_files (status);
COMMIT;
