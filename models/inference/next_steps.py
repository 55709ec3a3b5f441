"""What to do next where no network answers: the ends of refusals that several share."""

READ_WITHOUT = "Read this image without the AI."
CORRECT_OR_READ = "Have the header corrected, or read this image without the AI."
